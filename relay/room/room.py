"""A room: its members, what was published in this tick, and its delivery in log order.

It decides and does no I/O: members write, the log appends, `schedule` runs a callback at the end
of the current pass of the event loop.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from relay.names import RoomName, UserName
from relay.room.batch import MAX_BATCH, Batch, Run, Sender
from relay.room.log import Log, OpenLog

Schedule = Callable[[Callable[[], None]], object]

PATIENCE: Final = 5.0  # seconds that a room waits for receivers that are far behind
_TURN: Final = 1000  # members written to before other rooms get their turn, about 5 ms


class Member(Sender, Protocol):
    """Whoever is in the room and receives."""

    def deliver(self, data: bytes, count: int) -> None:
        """Take `data`, whole frames of `count` messages; never waits and never raises."""


@dataclass(slots=True)
class Totals:
    """What the relay has done so far, over all rooms; counted per batch, never per message."""

    messages: int = 0  # accepted from senders
    bytes: int = 0  # of their frames
    batches: int = 0
    deliveries: int = 0  # messages handed to members
    delivered_bytes: int = 0
    skipped: int = 0  # messages that a member with lag=skip missed
    waits: int = 0  # times a room made its senders wait


class _Delivery:
    """A batch on its way to those who were members when it was appended."""

    __slots__ = ("_due", "batch", "members", "position")

    def __init__(self, batch: Batch, members: tuple[Member, ...]) -> None:
        self.batch = batch
        self.members = members
        self.position = 0
        self._due: tuple[int, set[Member]] | None = None

    def is_due(self, member: Member) -> bool:
        """Whether it has not reached this member yet."""
        if self._due is None or self._due[0] != self.position:
            self._due = self.position, set(self.members[self.position :])
        return member in self._due[1]


class Room:
    """Members by name, and the way of a message: publish, flush, log, deliver."""

    __slots__ = (
        "_deliveries",
        "_held",
        "_is_impatient",
        "_log",
        "_members",
        "_pending",
        "_pending_size",
        "_pumping",
        "_schedule",
        "_snapshot",
        "_totals",
        "_waiting_since",
        "congested",
        "is_waiting",
        "name",
    )

    def __init__(
        self, name: RoomName, open_log: OpenLog, schedule: Schedule, totals: Totals
    ) -> None:
        self.name = name
        self.congested = 0  # members that have fallen far behind; they count themselves
        self.is_waiting = False  # for its receivers: nothing is delivered, senders are held
        self._log: Log = open_log(name, self._append)
        self._schedule = schedule
        self._totals = totals
        self._members: dict[UserName, Member] = {}
        self._snapshot: tuple[Member, ...] | None = ()  # of the members; None when out of date
        self._pending: list[Run] = []
        self._pending_size = 0
        self._deliveries: deque[_Delivery] = deque()
        self._pumping = False  # a delivery goes on in a later pass
        self._held: set[Sender] = set()
        self._waiting_since: float | None = None  # seconds of the clock of `press`
        self._is_impatient = False  # it has waited long enough for those who are far behind now

    @property
    def members(self) -> dict[UserName, Member]:
        return self._members

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if it were forgotten."""
        return not (self._members or self._pending or self._deliveries) and self._log.is_empty

    def join(self, member: Member) -> None:
        """Add a member; it receives what is appended to the log from now on."""
        assert member.user not in self._members
        self.flush()  # what was published before it came is not for it, unless as history
        self._members[member.user] = member
        self._snapshot = None

    def leave(self, member: Member) -> None:
        """Remove a member; what it published is still delivered."""
        if self._members.get(member.user) is member:
            del self._members[member.user]
            self._snapshot = None
            self._held.discard(member)
            if member.congested:
                self.congested -= 1
            self.eased()

    def history(self, count: int) -> list[bytes]:
        """Return the frames of the last `count` messages that the log holds, oldest first."""
        self.flush()  # what was published in this tick belongs to it
        return self._log.last(count)

    def expire(self) -> None:
        """Drop history that is older than the log keeps."""
        self._log.expire()

    def publish(self, run: Run) -> None:
        """Take messages for the batch of this tick."""
        if not self._pending:
            self._schedule(self.flush)
        elif self._pending_size + len(run.data) > MAX_BATCH:
            self._append_pending()
        self._pending.append(run)
        self._pending_size += len(run.data)
        if self.is_waiting:
            self.park(run.sender)

    def park(self, sender: Sender) -> None:
        """Hold this sender until the room is no longer waiting; then it is released."""
        if sender not in self._held:
            self._held.add(sender)
            sender.hold()

    def leave_line(self, sender: Sender) -> None:
        """Forget a sender that no longer waits."""
        self._held.discard(sender)

    def flush(self) -> None:
        """Append to the log what was published in this tick."""
        if self._pending:
            self._append_pending()

    def eased(self) -> None:
        """A member has caught up or left: deliver again if the room waited for that."""
        if self.is_waiting and not self._is_congested(self._deliveries[0].batch):
            self._go_on()

    def press(self, now: float) -> None:
        """End a wait that has lasted `PATIENCE` seconds; to be called now and then.

        Until the room is no longer congested it then delivers to all: those who are far behind
        either follow, or soon exceed their limit and are closed.
        """
        if self.is_waiting:
            if self._waiting_since is None:
                self._waiting_since = now
            elif now - self._waiting_since >= PATIENCE:
                self._is_impatient = True
                self._go_on()

    def settle(self, member: Member) -> None:
        """Deliver at once what is on its way to this member, which is about to leave."""
        self.flush()
        for delivery in self._deliveries:
            if delivery.is_due(member):
                batch = delivery.batch
                own = member in batch.own and not member.echo
                data, count = batch.without(member) if own else (batch.data, batch.messages)
                if count:
                    member.deliver(data, count)

    def _go_on(self) -> None:
        self.is_waiting = False
        held, self._held = self._held, set()
        for sender in held:
            sender.release()
        self._resume()

    def _append_pending(self) -> None:
        batch = Batch(self._pending)
        self._pending = []
        self._pending_size = 0
        totals = self._totals
        totals.batches += 1
        totals.messages += batch.messages
        totals.bytes += len(batch.data)
        self._log.append(batch)

    def _append(self, offset: int, batch: Batch) -> None:
        """The log has given the batch its place: deliver it behind all earlier ones."""
        if self._snapshot is None:
            self._snapshot = tuple(self._members.values())
        self._deliveries.append(_Delivery(batch, self._snapshot))
        if not (self._pumping or self.is_waiting):
            self._pump()

    def _resume(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._schedule(self._pump)

    def _pump(self) -> None:
        """Deliver in log order, and let other rooms have their turn in between."""
        self._pumping = False
        turn = _TURN
        while self._deliveries:
            delivery = self._deliveries[0]
            if delivery.position == 0:
                if not self._is_congested(delivery.batch):
                    self._is_impatient = False
                elif not self._is_impatient:
                    self._wait()
                    return
            if turn <= 0:
                self._resume()
                return
            turn -= self._deliver(delivery, turn)
            if delivery.position >= len(delivery.members):
                self._deliveries.popleft()
                for sender, own in delivery.batch.own.items():
                    sender.relayed(sum([end - start for start, end, _ in own]))

    def _deliver(self, delivery: _Delivery, turn: int) -> int:
        """Hand the batch to at most `turn` members; return to how many."""
        batch, position = delivery.batch, delivery.position
        data, count, own = batch.data, batch.messages, batch.own
        members = delivery.members[position : position + turn]
        delivery.position += turn
        deliveries, size = count * len(members), len(data) * len(members)
        for member in members:
            if member in own and not member.echo:
                others, other_count = batch.without(member)
                deliveries -= count - other_count
                size -= len(data) - len(others)
                if other_count:
                    member.deliver(others, other_count)
            else:
                member.deliver(data, count)
        self._totals.deliveries += deliveries
        self._totals.delivered_bytes += size
        return len(members)

    def _is_congested(self, batch: Batch) -> bool:
        """Whether more than half of those who would receive the batch are far behind.

        Then the room waits: slowing its senders is better than closing most of its members. A
        minority that is slow never slows the room.
        """
        congested = self.congested
        if not congested:
            return False
        receivers = len(self._members)
        if len(batch.own) == 1:
            (sender,) = batch.own
            if not sender.echo and self._members.get(sender.user) is sender:
                receivers -= 1
                congested -= sender.congested
        return congested * 2 > receivers

    def _wait(self) -> None:
        self.is_waiting = True
        self._waiting_since = None
        self._totals.waits += 1
        for delivery in self._deliveries:
            for sender in delivery.batch.own:
                self.park(sender)
