"""A room: its members, what was published in this tick, and its delivery in log order.

It decides and does no I/O: members write, the log appends, `schedule` runs a callback at the end
of the current pass of the event loop.

A raw member is in the room at once. The join of an annotated one waits for its place in the log:
what it is told is computed there, and the connection before it publishes nothing behind it.
"""

from collections.abc import Sequence

from relay.names import RoomName, UserName
from relay.room.appender import Appender
from relay.room.batch import ANYBODY, Author, Batch, Piece
from relay.room.dispatch import Dispatch
from relay.room.log import Entry, LogState, OpenLog, last
from relay.room.member import Member, Publisher
from relay.room.member_changes import MemberChanges, join_of
from relay.room.membership import Membership
from relay.room.presence import Presence, PresenceState
from relay.room.settling import Settling
from relay.room.shared import Shared
from relay.room.state import RoomState


class Room:
    """Members by name, and the way of a message: publish, flush, log, deliver."""

    __slots__ = (
        "_appender",
        "_changes",
        "_dispatch",
        "_open_log",
        "_settling",
        "_shared",
        "_who",
        "name",
        "presence",
    )

    def __init__(self, name: RoomName, open_log: OpenLog, shared: Shared) -> None:
        self.name = name
        self.presence = Presence()
        self._shared = shared
        self._open_log = open_log
        self._appender = Appender(open_log(name, self, None), shared)
        self._who = Membership()
        self._dispatch = Dispatch(self._who, shared)
        self._settling = Settling()
        self._changes = MemberChanges(
            self.presence, self._who, self._appender, self._dispatch, self._settling, shared
        )

    @property
    def members(self) -> dict[UserName, Member]:
        return self._who.members

    @property
    def epoch(self) -> str:
        """The name of this life of its log."""
        return self._appender.log.epoch

    @property
    def is_open(self) -> bool:
        """Whether it is known who is here."""
        return not self._appender.log.is_shared or self._appender.log.available

    @property
    def is_at_rest(self) -> bool:
        """Whether everything has its place that was published."""
        return self._appender.is_at_rest

    @property
    def still_at(self) -> int | None:
        """Where its log ends, while nothing is on its way here; else None.

        Whoever comes, goes or speaks moves that: as long as it is the same, so is the room.
        """
        log = self._appender.log
        is_still = self._appender.is_at_rest and self._dispatch.is_idle and not log.is_shared
        return log.head if is_still else None

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its receivers: nothing is delivered, senders are held."""
        return self._dispatch.is_waiting

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if it were forgotten; who may come back would."""
        appender, log = self._appender, self._appender.log
        # Where others append to the log, they are to be told of each leave.
        is_awaiting = self.presence.leaving if log.is_shared else self.presence.is_awaiting
        is_left = not (self._who or is_awaiting) and log.is_empty
        return is_left and appender.is_at_rest and self._dispatch.is_idle

    def holder(self, user: UserName) -> Member | None:
        """Return the member that has this name, or is about to have it."""
        return self._who.holder(user)

    def may_speak(self, author: Author, attempt: int) -> bool:
        """Whether this connection of an annotated session may publish: no other has its name.

        While relays tell again who is here, a member of this one has not gone.
        """
        if author.user in self.presence.people or author.user is None:
            return self.presence.is_latest(author, attempt)
        member = self.members.get(author.user)
        resume = member.resume if member is not None and member.id == author.session else None
        return resume is not None and resume.attempt == attempt

    def join(self, member: Member) -> None:
        """Add a member; it receives what the log hands back from now on, or from its join on."""
        if self._appender.pending.pieces:
            self.flush()  # what was published before it came is not for it, unless as history
        if member.resume is None:
            assert member.user not in self.members
            self._who.put(member)
        else:
            self._who.await_join(member)
        person = self.presence.people.get(member.user)
        over = ANYBODY if member.is_named else person.session if person else None
        self._appender.change(join_of(member, over), member)

    def leave(self, member: Member) -> None:
        """Remove a member; what it published is still delivered."""
        if self.members.get(member.user) is member:
            self._who.remove(member.user)
            self._changes.let_go(member)
        elif not self._who.stop_joining(member):
            return
        self._changes.begin_grace(member.user)

    def history(self, messages: int) -> tuple[Sequence[Entry], int]:
        """Return the entries that hold the last messages, and how many of the first to skip."""
        self.flush()  # what was published in this tick belongs to it
        return last(self._appender.log.read(0), messages)

    def hold(self, publisher: Publisher) -> None:
        """Make the publisher wait until the room goes on; then it is released."""
        self._dispatch.hold(publisher)

    def forget(self, publisher: Publisher) -> None:
        """The publisher no longer waits."""
        self._dispatch.forget(publisher)

    def caught_up(self, member: Member) -> None:
        """The member is no longer far behind: go on if the room waited for that."""
        self._dispatch.caught_up(member)

    def entries(self) -> Sequence[Entry]:
        """Return all entries that its log or a delivery holds."""
        return (*self._appender.log.read(0), *self._dispatch.entries())

    def snapshot(self) -> RoomState:
        """Return its state; to be asked when nothing is pending, right after `flush`."""
        appender, dispatch = self._appender, self._dispatch.snapshot()
        log = appender.log.snapshot()
        return RoomState(self.name, appender.number, log, dispatch, self.presence.snapshot())

    def reopen(self, log: LogState) -> None:
        """Take up another's log, before its entries are put together for anybody; then `restore`.

        What an annotated member is being sent names the log's epoch.
        """
        self._appender.log.close()
        self._appender.log = self._open_log(self.name, self, log)

    def restore(self, state: RoomState, members: dict[UserName, Member]) -> None:
        """Go on where another stood, with these members; this one is new and nobody is in it."""
        self._appender.number = state.number
        self.presence.restore(state.presence)
        for member in members.values():
            self._who.put(member)
            self.presence.adopt(member.user, member.id)
        self._dispatch.restore(state.dispatch)
        if not self._appender.log.is_shared:
            self.depart_missing()

    def depart_missing(self) -> None:
        """Take the leave of people of this relay who are not members, unless they come back."""
        is_shared = self._appender.log.is_shared
        for user, person in self.presence.people.items():
            if not is_shared or person.relay == self._shared.relay:
                self._changes.begin_grace(user)

    def depart_all(self, relay: str) -> None:
        """Another relay has died: take the leave of all that it had."""
        for change in self.presence.held_by(relay):
            self._appender.change(change)

    def close(self) -> None:
        """It is forgotten."""
        self._changes.close()
        self._dispatch.close()
        self._appender.log.close()

    def expire(self) -> None:
        """Drop history that is older than the log keeps, and sessions that are gone for long."""
        log = self._appender.log
        log.expire()
        if not log.is_shared:
            self.presence.expire(self._shared.clock() - self._shared.session_age)

    def publish(self, piece: Piece, publisher: Publisher) -> None:
        """Take messages for the batch of this tick; `publisher` is credited once delivered."""
        dispatch = self._dispatch
        self._appender.publish(piece, publisher, is_idle=dispatch.is_idle)
        if self._shared.congested and dispatch.is_waiting:
            dispatch.hold(publisher)

    def flush(self) -> None:
        """Append to the log what has happened in this tick."""
        self._appender.flush()

    def settle(self, member: Member) -> bool:
        """Deliver at once what is on its way to this member, which is about to leave.

        False while the log has not handed back all that was published before: it stays a member
        until `Member.settled`.
        """
        self.flush()
        self._dispatch.deliver_now(member)
        total = self._appender.pending.total
        if self._appender.returned < total and self.members.get(member.user) is member:
            self._settling.add(member, total)
            return False
        return True

    def on_entry(self, entry: Entry) -> None:
        """The log has given a batch its place: deliver it behind all earlier ones."""
        batch = entry.batch
        credits, newcomers = self._appender.take_back(batch)
        if batch.changes:
            self._changes.take(entry, newcomers)
        else:
            self._dispatch.add(entry, self._who.receivers(), credits)
        if self._settling:
            self._settle()
        self._appender.go_on()

    def on_refusal(self, batch: Batch) -> None:
        """Others have come before: append again what may still be said."""
        self._appender.take_refusal(batch)
        self._settling.limit(self._appender.pending.total)
        if self._settling:
            self._settle()
        self._appender.go_on()

    def on_state(self, state: PresenceState) -> None:
        """The log has been opened: these were here."""
        self.presence.restore(state)

    def on_begin(self, entry: Entry) -> None:
        """Another relay could not learn who is in the room: tell again which members are here."""
        self._changes.begin()

    def who(self) -> PresenceState:
        """Return who is here."""
        return self.presence.snapshot()

    def on_away(self) -> None:
        """The log takes nothing for now: read nobody (rule 2)."""
        for member in self.members.values():
            self._dispatch.hold(member)

    def on_return(self) -> None:
        """The log takes batches again."""
        self._dispatch.release()
        self._appender.go_on()

    def _settle(self) -> None:
        for member in self._settling.take(self._appender.returned):
            self._dispatch.deliver_now(member)
            member.settled()
