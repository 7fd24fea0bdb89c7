"""A room: its members, what was published in this tick, and its delivery in log order.

It decides and does no I/O: members write, the log appends, `schedule` runs a callback at the end
of the current pass of the event loop.
"""

from collections import deque
from collections.abc import Sequence

from relay.names import RoomName, UserName
from relay.room.batch import MAX_BATCH, Piece, join
from relay.room.delivery import Credits
from relay.room.dispatch import Dispatch
from relay.room.log import Entry, OpenLog, last
from relay.room.member import Member, Publisher
from relay.room.shared import Shared
from relay.room.state import RoomState


class Room:
    """Members by name, and the way of a message: publish, flush, log, deliver."""

    __slots__ = (
        "_appended",
        "_credits",
        "_dispatch",
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
        self._receivers: tuple[Member, ...] | None = ()  # None when out of date
        self._dispatch = Dispatch(self._members, shared)
        self._pending: list[Piece] = []
        self._pending_size = 0  # bytes
        self._credits: list[tuple[Publisher, int]] = []  # for what is pending
        self._number = 0  # of the last batch
        self._appended: deque[tuple[int, Credits]] = deque()  # not handed back by the log yet
        self._settling: dict[Member, int] = {}  # leaving after the batch of this number

    @property
    def members(self) -> dict[UserName, Member]:
        return self._members

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its receivers: nothing is delivered, senders are held."""
        return self._dispatch.is_waiting

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if it were forgotten."""
        busy = self._members or self._pending or self._appended
        return not busy and self._dispatch.is_idle and self._log.is_empty

    def join(self, member: Member) -> None:
        """Add a member; it receives what the log hands back from now on."""
        assert member.user not in self._members
        self.flush()  # what was published before it came is not for it, unless as history
        self._members[member.user] = member
        self._dispatch.receivers += member.receives
        self._receivers = None

    def leave(self, member: Member) -> None:
        """Remove a member; what it published is still delivered."""
        if self._members.get(member.user) is member:
            del self._members[member.user]
            self._dispatch.receivers -= member.receives
            self._receivers = None
            self._settling.pop(member, None)
            self._dispatch.forget(member)
            self._dispatch.caught_up(member)

    def history(self, messages: int) -> tuple[Sequence[Entry], int]:
        """Return the entries with the last so many messages, and how many of the first to skip."""
        self.flush()  # what was published in this tick belongs to it
        return last(self._log.read(0), messages)

    def hold(self, publisher: Publisher) -> None:
        """Make the publisher wait until the room goes on; then it is released."""
        self._dispatch.hold(publisher)

    def forget(self, publisher: Publisher) -> None:
        """The publisher waits no longer."""
        self._dispatch.forget(publisher)

    def caught_up(self, member: Member) -> None:
        """The member is no longer far behind: go on if the room waited for that."""
        self._dispatch.caught_up(member)

    def entries(self) -> Sequence[Entry]:
        """Return all entries that its log or a delivery holds."""
        return (*self._log.read(0), *self._dispatch.entries())

    def snapshot(self) -> RoomState:
        """Return its state; to be asked when nothing is pending, right after `flush`."""
        return RoomState(self.name, self._number, self._log.snapshot(), self._dispatch.snapshot())

    def restore(self, state: RoomState, members: dict[UserName, Member]) -> None:
        """Go on where another stood, with these members; this one is new and nobody is in it."""
        self._log.close()
        self._log = self._open_log(self.name, self._on_entry, state.log)
        self._number = state.number
        self._members.update(members)
        self._dispatch.receivers = sum(member.receives for member in members.values())
        self._receivers = None
        self._dispatch.restore(state.dispatch)

    def close(self) -> None:
        """Nobody is interested any more."""
        self._dispatch.close()
        self._log.close()

    def expire(self) -> None:
        """Drop history that is older than the log keeps."""
        self._log.expire()

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
        if self._dispatch.is_waiting:
            self._dispatch.hold(publisher)

    def flush(self) -> None:
        """Append to the log what was published in this tick."""
        if self._pending:
            self._append()

    def settle(self, member: Member) -> bool:
        """Deliver at once what is on its way to this member, which is about to leave.

        False while the log has not handed back all that was published before: it stays a member
        until `Member.settled`.
        """
        self.flush()
        self._dispatch.deliver_now(member)
        if self._appended:
            self._settling[member] = self._number
            return False
        return True

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
            self._receivers = tuple(each for each in self._members.values() if each.receives)
        batch = entry.batch
        credits: Credits = ()
        if batch.relay == self._shared.relay and self._appended[0][0] == batch.number:
            credits = self._appended.popleft()[1]
        self._dispatch.add(entry, self._receivers, credits)
        if self._settling:
            self._settle(batch.number)

    def _settle(self, number: int) -> None:
        for member in [member for member, end in self._settling.items() if end <= number]:
            del self._settling[member]
            self._dispatch.deliver_now(member)
            member.settled()
