"""A session: a name in a room. It is the room's member, whatever socket it has.

It owns what the client sends and is sent; the connection owns the socket and its timers.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from relay.access.grants import OPEN, Grant
from relay.account import Account
from relay.member.inbox import Hold, Inbox, InboxState
from relay.member.intake import Intake, IntakeState
from relay.member.liveness import Liveness
from relay.member.outbox import Outbox, OutboxState
from relay.member.stream import Stream
from relay.names import UserName
from relay.room.batch import Author, SessionId
from relay.room.room import Room
from relay.wire.parser import Parser


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked for, and what it may."""

    user: UserName
    address: str = ""
    echo: bool = False
    skips: bool = False
    history: int = 0  # messages
    expires: float | None = None  # of the event loop's clock, seconds; None is never
    grant: Grant = OPEN

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Options":
        """Return the options that `asdict` gave these values, by way of JSON or not."""
        grant = Grant.restored(values["grant"]) if "grant" in values else OPEN
        return cls(**{**values, "user": UserName(values["user"]), "grant": grant})


class Owner(Protocol):
    """Whoever has the session's socket, and ends the session."""

    def wake(self, at: float) -> None:
        """Have the session's intake go on at this time; see `Waker`."""

    def overrun(self) -> None:
        """The room has refused the session: it has to go."""

    def settled(self) -> None:
        """The session has all that was on its way to it when it began to leave."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all sessions of a relay. Sizes are bytes; a rate of 0 is no limit."""

    message_size: int
    read_buffer_size: int
    write_buffer_size: int
    account: Account
    clock: Callable[[], float]  # seconds
    new_parser: Callable[[int], Parser]
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
        "author",
        "deliver",
        "excluded",
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
        self.author = Author(options.user, state.id)
        self.excluded = None if options.echo else state.id
        self.options = options
        self.room = room
        self.liveness = state.liveness
        self.outbox = Outbox(
            stream, self.excluded, terms.write_buffer_size, skips=options.skips, state=state.outbox
        )
        self.deliver = self.outbox.deliver
        rates = terms.message_rate, terms.byte_rate
        self.intake = Intake(stream, owner, terms.clock, rates, state.intake)
        self.inbox = Inbox(
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
        self.owner = owner
        self._clock = terms.clock

    @property
    def is_plain(self) -> bool:
        """Whether nothing of it changes but three numbers: heard, published, taken."""
        return self.outbox.is_empty and self.inbox.is_plain and not self.intake.waits

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
        return {"id": self.author.session, "options": asdict(self.options)}

    def advance(self, heard: float, published: int, taken: int) -> None:
        """Set the three numbers of a session that is plain."""
        self.liveness.heard = heard
        self.inbox.published = published
        self.outbox.advance(taken)

    @property
    def is_behind(self) -> bool:
        return self.outbox.is_behind

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
    identity = SessionId(secrets.token_hex(8))
    return SessionState(identity, options, Liveness(now), InboxState(), OutboxState())


def arrive(described: dict[str, Any]) -> SessionState:
    """Return the state of a session that `Session.describe` has described, before it is at work."""
    options = Options.restored(described["options"])
    return SessionState(
        SessionId(described["id"]), options, Liveness(0.0), InboxState(), OutboxState()
    )
