"""A room: its members, what was published in this tick, and its delivery in log order.

It decides and does no I/O: members write, the log appends, `schedule` runs a callback at the end
of the current pass of the event loop.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from relay.names import RoomName, UserName
from relay.room.batch import MAX_BATCH, Batch, Piece, join
from relay.room.congestion import Congestion, State
from relay.room.delivery import Credits, Delivery
from relay.room.log import Entry, OpenLog, last
from relay.room.member import Delivered, Member, Publisher
from relay.room.shared import Shared
from relay.room.state import DeliveryState, RoomState

TURN: Final = 1000  # members written to before other rooms get their turn, about 5 ms
TURN_BYTES: Final = 32 * 1024**2  # bytes written in such a turn, or one member's share


class Room:
    """Members by name, and the way of a message: publish, flush, log, deliver."""

    __slots__ = (
        "_appended",
        "_congestion",
        "_credits",
        "_deliveries",
        "_is_delivering",
        "_log",
        "_members",
        "_number",
        "_open_log",
        "_pending",
        "_pending_size",
        "_receivers",
        "_settling",
        "_shared",
        "name",
    )

    def __init__(self, name: RoomName, open_log: OpenLog, shared: Shared) -> None:
        self.name = name
        self._shared = shared
        self._open_log = open_log
        self._log = open_log(name, self._on_entry, None)
        self._members: dict[UserName, Member] = {}
        self._receivers: tuple[Member, ...] | None = ()  # the members; None when out of date
        self._congestion = Congestion()
        self._pending: list[Piece] = []
        self._pending_size = 0  # bytes
        self._credits: list[tuple[Publisher, int]] = []  # for what is pending
        self._number = 0  # of the last batch
        self._appended: deque[tuple[int, Credits]] = deque()  # not handed back by the log yet
        self._deliveries: deque[Delivery] = deque()
        self._is_delivering = False  # now, or in a later pass
        self._settling: dict[Member, int] = {}  # leaving after the batch of this number

    @property
    def members(self) -> dict[UserName, Member]:
        return self._members

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its receivers: nothing is delivered, senders are held."""
        return self._congestion.is_waiting

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if it were forgotten."""
        busy = self._members or self._pending or self._appended or self._deliveries
        return not busy and self._log.is_empty

    def join(self, member: Member) -> None:
        """Add a member; it receives what the log hands back from now on."""
        assert member.user not in self._members
        self.flush()  # what was published before it came is not for it, unless as history
        self._members[member.user] = member
        self._receivers = None

    def leave(self, member: Member) -> None:
        """Remove a member; what it published is still delivered."""
        if self._members.get(member.user) is member:
            del self._members[member.user]
            self._receivers = None
            self._settling.pop(member, None)
            self._congestion.held.discard(member)
            self.caught_up(member)

    def history(self, messages: int) -> tuple[Sequence[Entry], int]:
        """Return the entries with the last so many messages, and how many of the first to skip."""
        self.flush()  # what was published in this tick belongs to it
        return last(self._log.read(0), messages)

    def expire(self) -> None:
        """Drop history that is older than the log keeps."""
        self._log.expire()

    def close(self) -> None:
        """Nobody is interested any more."""
        self._shared.congested.discard(self)
        self._log.close()

    def entries(self) -> Sequence[Entry]:
        """Return all entries that its log or a delivery holds."""
        under_way = [delivery.entry for delivery in self._deliveries]
        return (*self._log.read(0), *under_way)

    def snapshot(self) -> RoomState:
        """Return its state; to be asked when nothing is pending, right after `flush`."""
        return RoomState(
            self.name,
            self._number,
            self._log.snapshot(),
            self._congestion.state,
            self._congestion.times,
            tuple(
                user for user, member in self._members.items() if member in self._congestion.held
            ),
            tuple(self._describe(delivery) for delivery in self._deliveries),
        )

    def restore(self, state: RoomState, members: dict[UserName, Member]) -> None:
        """Go on where another stood, with these members; this one is new and nobody is in it."""
        self._log.close()
        self._log = self._open_log(self.name, self._on_entry, state.log)
        self._number = state.number
        self._members = members
        self._receivers = None
        self._congestion.restore(
            state.congestion,
            state.patience,
            {member for member in members.values() if member.is_behind},
            {members[user] for user in state.held},
        )
        if self._congestion.is_waiting:
            self._shared.congested.add(self)
        for delivery in state.deliveries:
            due = tuple(members[user] for user in delivery.due if user in members)
            credits = [(members[user], size) for user, size in delivery.credits if user in members]
            self._deliveries.append(Delivery(delivery.entry, due, credits, delivery.has_begun))
        if self._deliveries and not self._congestion.is_waiting:
            self._resume()

    def publish(self, piece: Piece, publisher: Publisher) -> None:
        """Take messages for the batch of this tick; `publisher` is credited once delivered."""
        size = len(piece.data)
        if not self._pending:
            self._shared.schedule(self.flush)
        elif self._pending_size + size > MAX_BATCH:
            self._append()
        self._pending.append(piece)
        self._pending_size += size
        self._credits.append((publisher, size))
        if self._congestion.is_waiting:
            self.hold(publisher)

    def hold(self, publisher: Publisher) -> None:
        """Make the publisher wait until the room goes on; then it is released."""
        self._congestion.hold(publisher)

    def forget(self, publisher: Publisher) -> None:
        """The publisher waits no longer."""
        self._congestion.held.discard(publisher)

    def flush(self) -> None:
        """Append to the log what was published in this tick."""
        if self._pending:
            self._append()

    def caught_up(self, member: Member) -> None:
        """The member is no longer far behind, or has left: go on if the room waited for that."""
        congestion = self._congestion
        congestion.behind.discard(member)
        if congestion.is_waiting and not self._is_congested(self._deliveries[0].entry.batch):
            congestion.go_on()
            self._shared.congested.discard(self)
            self._resume()

    def check_patience(self, now: float) -> None:
        """End a wait that has lasted long enough; to be asked now and then, `now` in seconds.

        Then it delivers to all: who is far behind either follows, or exceeds its limit and goes.
        """
        if self._congestion.check_patience(now):
            self._shared.congested.discard(self)
            self._resume()

    def settle(self, member: Member) -> bool:
        """Deliver at once what is on its way to this member, which is about to leave.

        False while the log has not handed back all that was published before: it stays a member
        until `Member.settled`.
        """
        self.flush()
        self._deliver_now(member)
        if self._appended:
            self._settling[member] = self._number
            return False
        return True

    def _describe(self, delivery: Delivery) -> DeliveryState:
        members = self._members
        return DeliveryState(
            delivery.entry,
            tuple(user for user, member in members.items() if delivery.is_due(member)),
            tuple(
                (user, size)
                for publisher, size in delivery.credits
                for user, member in members.items()
                if member is publisher
            ),
            delivery.has_begun,
        )

    def _append(self) -> None:
        self._number += 1
        shared, totals = self._shared, self._shared.totals
        batch = join(self._pending, shared.relay, self._number, shared.account)
        self._appended.append((self._number, self._credits))
        self._pending = []
        self._credits = []
        self._pending_size = 0
        totals.batches += 1
        totals.messages += batch.messages
        totals.bytes += len(batch.data)
        self._log.append(batch)

    def _on_entry(self, entry: Entry) -> None:
        """The log has given a batch its place: deliver it behind all earlier ones."""
        if self._receivers is None:
            self._receivers = tuple(self._members.values())
        batch = entry.batch
        credits: Credits = ()
        if batch.relay == self._shared.relay and self._appended[0][0] == batch.number:
            credits = self._appended.popleft()[1]
        self._deliveries.append(Delivery(entry, self._receivers, credits))
        if not (self._is_delivering or self._congestion.is_waiting):
            self._pump()
        if self._settling:
            self._settle(batch.number)

    def _settle(self, number: int) -> None:
        for member in [member for member, end in self._settling.items() if end <= number]:
            del self._settling[member]
            self._deliver_now(member)
            member.settled()

    def _deliver_now(self, member: Member) -> None:
        for delivery in self._deliveries:
            if delivery.is_due(member):
                member.deliver(delivery.entry)

    def _resume(self) -> None:
        if not self._is_delivering:
            self._is_delivering = True
            self._shared.schedule(self._pump)

    def _pump(self) -> None:
        """Deliver in log order, and let other rooms have their turn in between."""
        self._is_delivering = True
        if self._deliver_for_a_turn():
            self._is_delivering = False
        else:
            self._shared.schedule(self._pump)

    def _deliver_for_a_turn(self) -> bool:
        """Return whether there is nothing more to do for now."""
        turn, turn_bytes = TURN, TURN_BYTES
        while self._deliveries:
            delivery = self._deliveries[0]
            batch = delivery.entry.batch
            if not delivery.has_begun and self._must_wait(batch):
                return True
            if turn <= 0 or turn_bytes <= 0:
                return False
            members = delivery.next(min(turn, turn_bytes // len(batch.data) + 1))
            self._deliver(delivery.entry, members)
            turn -= len(members)
            turn_bytes -= len(members) * len(batch.data)
            if delivery.is_over:
                self._deliveries.popleft()
                for publisher, size in delivery.credits:
                    publisher.credit(size)
        return True

    def _deliver(self, entry: Entry, members: Sequence[Member]) -> None:
        """Hand the entry to these members; then count, and see who must go."""
        batch = entry.batch
        own = batch.own
        messages, size = batch.messages * len(members), len(batch.data) * len(members)
        overran: list[Member] = []
        for member in members:
            outcome = member.deliver(entry)
            if member.excluded in own:
                mine = own[member.excluded]
                messages -= mine.messages
                size -= mine.size
            if outcome is Delivered.TAKEN:
                continue
            if outcome is Delivered.QUEUED:
                if member.is_behind:
                    self._congestion.behind.add(member)
                continue
            missed, missed_size = batch.count_without(member.excluded)
            messages -= missed
            size -= missed_size
            if outcome is Delivered.SKIPPED:
                self._shared.totals.skipped += missed
            elif outcome is Delivered.OVERRAN:
                overran.append(member)
        self._shared.totals.deliveries += messages
        self._shared.totals.delivered_bytes += size
        for member in overran:
            member.overrun()

    def _must_wait(self, batch: Batch) -> bool:
        """Whether the receivers are to catch up before this batch is delivered."""
        congestion = self._congestion
        if not congestion.behind or not self._is_congested(batch):
            congestion.state = State.FLOWING
            return False
        if congestion.state is State.IMPATIENT:
            return False
        congestion.wait()
        self._shared.congested.add(self)
        self._shared.totals.waits += 1
        for delivery in self._deliveries:
            for publisher, _ in delivery.credits:
                self.hold(publisher)
        return True

    def _is_congested(self, batch: Batch) -> bool:
        author = batch.spans[0].author
        only = self._members.get(author.user) if author.user and len(batch.own) == 1 else None
        if only is not None and only.excluded != author.session:
            only = None
        return self._congestion.is_over(len(self._members), only)
