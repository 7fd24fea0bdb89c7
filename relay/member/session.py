"""A session: a name in a room. It is the room's member, whatever socket it has.

It owns what the client sends and is sent; the connection owns the socket and its timers.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from relay.access.grants import Grant
from relay.account import Account
from relay.member.annotated_inbox import AnnotatedInbox
from relay.member.annotated_outbox import AnnotatedOutbox
from relay.member.inbox import Hold, Inbox, InboxState
from relay.member.intake import Intake, IntakeState
from relay.member.liveness import STALL, Liveness
from relay.member.options import Options
from relay.member.outbox import Outbox
from relay.member.outbox_state import OutboxState
from relay.member.stream import Stream
from relay.room.batch import Author, SessionId
from relay.room.resume import Resume, Welcome
from relay.room.room import Room
from relay.wire import notes
from relay.wire.closing import Close, Reason
from relay.wire.parser import Parser


class Owner(Protocol):
    """Whoever has the session's socket, and ends the session."""

    def wake(self, at: float) -> None:
        """Have the session's intake go on at this time; see `Waker`."""

    def overrun(self) -> None:
        """The room has refused the session: it has to go."""

    def settled(self) -> None:
        """The session has all that was on its way to it when it began to leave."""

    def close(self, close: Close, patience: float) -> None:
        """The session ends for this reason; its client may take its backlog for some seconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all sessions of a relay. Sizes are bytes; a rate of 0 is no limit."""

    message_size: int
    read_buffer_size: int
    write_buffer_size: int
    account: Account
    clock: Callable[[], float]  # seconds
    new_parser: Callable[[int], Parser]
    renew: Callable[["Session", str], None]  # take a fresh token of a session, or close it
    message_rate: int = 0  # messages a second
    byte_rate: int = 0  # bytes a second


@dataclass(frozen=True, slots=True)
class SessionState:
    """All that there is to know of a session, as values."""

    id: SessionId
    options: Options
    liveness: Liveness
    inbox: InboxState
    outbox: OutboxState
    intake: IntakeState = field(default_factory=IntakeState)


class Session:
    """A member of one room."""

    __slots__ = (
        "_clock",
        "_is_renewed",
        "author",
        "deliver",
        "excluded",
        "id",
        "inbox",
        "intake",
        "liveness",
        "options",
        "outbox",
        "owner",
        "room",
        "user",
    )

    def __init__(
        self, state: SessionState, room: Room, stream: Stream, owner: Owner, terms: Terms
    ) -> None:
        options = state.options
        self.user = options.user
        self.id = state.id
        self.author = Author(options.user, state.id)
        self.excluded = None if options.echo else state.id
        self.options = options
        self.room = room
        self.liveness = state.liveness
        self.owner = owner
        self.outbox: Outbox
        self.inbox: Inbox
        if options.resume is None:
            self.outbox = Outbox(
                stream,
                self.excluded,
                terms.write_buffer_size,
                skips=options.skips,
                state=state.outbox,
            )
            new_inbox: Callable[..., Inbox] = Inbox
        else:
            self.outbox = AnnotatedOutbox(
                stream,
                state.id,
                terms.write_buffer_size,
                room,
                echo=options.echo,
                skips=options.skips,
                receives=self.receives,
                state=state.outbox,
            )
            new_inbox = partial(
                AnnotatedInbox,
                attempt=options.resume.attempt,
                clock=terms.clock,
                renew=partial(terms.renew, self),
            )
        self.deliver = self.outbox.deliver
        rates = terms.message_rate, terms.byte_rate
        self.intake = Intake(stream, owner, terms.clock, rates, state.intake)
        self.inbox = new_inbox(
            self.intake,
            self.author,
            self,
            room,
            self.outbox,
            terms.new_parser(terms.message_size),
            terms.account,
            terms.read_buffer_size,
            state.inbox,
            can_publish=options.grant.can_publish,
        )
        self.intake.serve(self.inbox)
        self._clock = terms.clock
        self._is_renewed = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing of it changes but three numbers: heard, published, taken."""
        return (
            self.outbox.is_empty
            and self.inbox.is_plain
            and not (self.intake.waits or self._is_renewed)
        )

    @property
    def is_unread(self) -> bool:
        """Whether its client is not read, so that its silence means nothing."""
        return bool(self.inbox.held) or self.intake.waits

    @property
    def heard(self) -> float:
        """When there was the last sign of life, seconds; now where a ping is under way.

        So silence does not add up over processes.
        """
        if self.liveness.asked_at is not None:
            return self._clock()
        return max(self.liveness.heard, self.liveness.taken)

    def describe(self) -> dict[str, Any]:
        """Return what never changes of it, as JSON can hold it."""
        return {"id": self.author.session, "options": self.options.as_values()}

    def advance(self, heard: float, published: int, taken: int) -> None:
        """Set the three numbers of a session that is plain."""
        self.liveness.heard = heard
        self.inbox.published = published
        self.outbox.advance(taken)

    @property
    def resume(self) -> Resume | None:
        return self.options.resume

    @property
    def is_behind(self) -> bool:
        return self.outbox.is_behind

    @property
    def is_named(self) -> bool:
        return self.options.grant.user is not None

    @property
    def receives(self) -> bool:
        return self.options.grant.can_subscribe

    def snapshot(self) -> SessionState:
        return SessionState(
            self.author.session,
            self.options,
            replace(self.liveness),
            self.inbox.snapshot(),
            self.outbox.snapshot(),
            self.intake.snapshot(),
        )

    def welcome(self, welcome: Welcome) -> None:
        place, resume = welcome.place, self.options.resume
        assert isinstance(self.outbox, AnnotatedOutbox) and isinstance(self.inbox, AnnotatedInbox)
        assert resume is not None
        behind = place.entries[0].batch.count_without(self.excluded)[0] if place.entries else 0
        if place.skip > behind:
            self.owner.close(Reason.BAD_SKIP.close(skip=place.skip, messages=behind), STALL)
            return
        frame = notes.welcome(
            self.user,
            self.room.name,
            resume.session,
            cursor=place.cursor.text(),
            received=place.received,
            gap=place.gap,
            members=welcome.members if self.receives else notes.json_of(None),
            count=welcome.count,
        )
        self.inbox.admit(resume.acked if place.received is None else place.received)
        entries, skip = (place.entries, place.skip) if self.receives else ((), 0)
        self.outbox.greet(frame, entries, skip)

    def tell(self, note: bytes) -> None:
        """Send a note soon, to a client that understands it."""
        if isinstance(self.inbox, AnnotatedInbox) and self.inbox.is_welcome:
            self.outbox.control([note])

    def dismiss(self, reason: Reason) -> None:
        self.owner.close(reason.close(user=self.user), 0)

    def renew(self, grant: Grant, expires: float | None) -> None:
        """Go on with a fresh token; `expires` is in seconds of the event loop's clock."""
        self.options = replace(self.options, grant=grant, expires=expires)
        self._is_renewed = True  # since it was described
        self.inbox.allow(grant.can_publish)

    def overrun(self) -> None:
        self.owner.overrun()

    def settled(self) -> None:
        self.owner.settled()

    def hold(self) -> None:
        if not self.inbox.discards:
            self.inbox.hold(Hold.ROOM)

    def release(self) -> None:
        if self.inbox.release(Hold.ROOM):
            self._note_own_silence()

    def credit(self, size: int) -> None:
        if self.inbox.credit(size):
            self._note_own_silence()

    def unblock(self) -> None:
        """The stream has taken all that it was given."""
        was_behind = self.outbox.is_behind
        self.outbox.unblock()
        if not self.outbox.is_blocked:
            self.liveness.moved = None
        if was_behind and not self.outbox.is_behind:
            self.room.caught_up(self)

    def _note_own_silence(self) -> None:
        """It could not be heard while it was not read."""
        self.liveness.heard = self._clock()


def begin(options: Options, now: float) -> SessionState:
    """Return the state of a session that begins now, in seconds of `Terms.clock`."""
    inbox = InboxState(is_welcome=options.resume is None)
    return SessionState(identity_of(options), options, Liveness(now), inbox, OutboxState())


def identity_of(options: Options) -> SessionId:
    """Return the ID of a session: an annotated client's own, which counts for its user only."""
    if options.resume is None:
        return SessionId(secrets.token_hex(8))
    return SessionId(f"{options.user}/{options.resume.session}")  # no name contains a slash


def arrive(described: dict[str, Any]) -> SessionState:
    """Return the state of a session that `Session.describe` has described, before it is at work."""
    options = Options.restored(described["options"])
    return SessionState(
        SessionId(described["id"]), options, Liveness(0.0), InboxState(), OutboxState()
    )
