"""A session: a name in a room. It is the room's member, whatever socket it has.

It owns what the client sends and is sent, and decides how it ends. The connection owns the socket
and its timers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from relay.access.grants import Grant
from relay.member.ending import begin_ending
from relay.member.inbox import Inbox
from relay.member.inbox_state import Hold
from relay.member.intake import Intake
from relay.member.liveness import STALL
from relay.member.outbox import Outbox
from relay.member.outbox_state import OutboxState
from relay.member.owner import Owner
from relay.member.session_state import SessionState
from relay.member.stream import Stream
from relay.member.terms import Terms
from relay.room.batch import Author
from relay.room.resume import Resume, Welcome
from relay.room.room import Room
from relay.wire.closing import Close, Reason
from relay.wire.frames import PING, encode, encode_close

_PING: Final = (encode(PING, b""),)


class Session:
    """A member of one room; that of an annotated client is an `AnnotatedSession`.

    `ending` says how it is being closed; None: it is not. `is_over`: its socket is gone, or another
    process has it. `fresh_token` is the latest that the client has sent, while it is being checked.
    """

    __slots__ = (
        "_is_renewed",
        "_terms",
        "author",
        "deliver",
        "ending",
        "excluded",
        "fresh_token",
        "id",
        "inbox",
        "intake",
        "is_over",
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
        self._terms = terms
        self.ending = state.ending
        self.is_over = False
        self.outbox = self._new_outbox(stream, state.outbox)
        self.deliver = self.outbox.deliver
        rates = terms.message_rate, terms.byte_rate
        self.intake = Intake(stream, terms.clock, rates, terms.account, state.intake)
        self.inbox = self._inbox_type()(
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
        self.fresh_token = state.fresh_token
        self._is_renewed = False

    @property
    def is_open(self) -> bool:
        """Whether it is in its room; one that is not is being closed, or is over."""
        return self.ending is None and not self.is_over

    @property
    def is_plain(self) -> bool:
        """Whether three numbers are all that changes of it (`advance`), and what is unfinished."""
        return (
            self.outbox.is_empty
            and self.inbox.is_plain
            and not (self.intake.waits or self._is_renewed or self.fresh_token)
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
            return self._terms.clock()
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

    def snapshot(self, begun: int = 0) -> SessionState:
        """Return its state, without so many bytes of the message that has not ended."""
        return SessionState(
            self.author.session,
            self.options,
            replace(self.liveness),
            self.inbox.snapshot(begun),
            self.outbox.snapshot(),
            self.intake.snapshot(),
            self.ending,
            self.fresh_token,
        )

    def join(self, answer: bytes) -> None:
        """Come to the room; send what ends the handshake, then the history that was asked for."""
        wanted = self.options.history if self.receives else 0
        history = self.room.history(wanted) if wanted else None
        self.room.join(self)
        self.outbox.send(answer)
        if history is not None:
            self.outbox.replay(*history)

    def welcome(self, welcome: Welcome) -> None:
        """Nothing: a raw client is told nothing of its room."""

    def tell(self, note: bytes) -> None:
        """Send a note soon, to a client that understands it: none that is raw."""

    def ping(self) -> None:
        """Ask the client for a sign of life."""
        self.outbox.control(_PING)

    def renew(self, grant: Grant, expires: float | None) -> None:
        """Go on with a fresh token; `expires` is in seconds of the event loop's clock."""
        self.options = replace(self.options, grant=grant, expires=expires)
        self._is_renewed = True  # since it was described
        self.inbox.allow(grant.can_publish)

    def close(self, close: Close, patience: float = STALL) -> None:
        """Leave the room, say why behind the backlog, and end; see `Ending`."""
        if not self.is_open:
            if close.reason is Reason.OVERLOADED:
                self.owner.abort()
            return
        self.ending = ending = begin_ending(close, self._terms.clock(), patience)
        self.owner.begin_close()
        if ending.stops_parsing:
            self.inbox.stop()
        if ending.settles:
            self.outbox.lift_limit()
            is_settled = self.room.settle(self)
        else:
            self.inbox.await_close()
            is_settled = True
        self.intake.hurry()
        if is_settled:
            self.settled()

    def settled(self) -> None:
        """The client has been given all that was on its way to it: leave the room, and say why."""
        ending = self.ending
        if ending is not None and not self.is_over:
            self.leave()
            self.outbox.finish(encode_close(ending.close), drop=ending.drops_backlog)
            self.owner.end_when_sent()

    def answer_close(self) -> None:
        """The client's close frame has come: answer it, or end where ours was sent before."""
        if self.is_open:
            self.close(replace(Reason.LEFT.close(), own_code=self.inbox.close_code), 0)
        else:
            self.owner.end_when_sent()

    def dismiss(self, reason: Reason) -> None:
        self.close(reason.close(user=self.user), 0)

    def overrun(self) -> None:
        limit = self._terms.write_buffer_size
        self.close(Reason.TOO_SLOW.close(backlog=self.outbox.lag, limit=limit))

    def leave(self) -> None:
        self._terms.hub.leave(self.room, self)

    def drop(self) -> None:
        """It is over: hold nothing of what the client has sent, or has still to be sent."""
        self.is_over = True
        self.outbox.abandon()
        self.inbox.stop()
        self.intake.drop()

    def hold(self) -> None:
        if not self.inbox.discards:
            self.inbox.hold(Hold.ROOM)

    def release(self, why: int = Hold.ROOM) -> None:
        if self.inbox.release(why):
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

    def _new_outbox(self, stream: Stream, state: OutboxState) -> Outbox:
        return Outbox(
            stream,
            self.excluded,
            self._terms.write_buffer_size,
            self._terms.account,
            skips=self.options.skips,
            state=state,
        )

    def _inbox_type(self) -> Callable[..., Inbox]:
        return Inbox

    def _note_own_silence(self) -> None:
        """It could not be heard while it was not read."""
        self.liveness.heard = self._terms.clock()
