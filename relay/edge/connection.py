"""One client's socket and its timers; what is read and written is its session's.

aiohttp answers the handshake, then this protocol takes the transport over. There is no task, no
queue and no `await` per connection.
"""

import asyncio
import socket

from relay.edge.closing_handshake import ClosingHandshake
from relay.edge.kernel import open_socket, unacknowledged
from relay.edge.load import private
from relay.edge.reader import Reader
from relay.edge.runtime import Runtime
from relay.edge.watchdog import Watchdog
from relay.member.annotated_session import new_session
from relay.member.ending import describe_end
from relay.member.session import Session
from relay.member.session_state import SessionState
from relay.room.room import Room
from relay.wire.closing import Close


class Connection(asyncio.BufferedProtocol):
    """The socket of a session for as long as it is open: the `Owner` of that session."""

    __slots__ = ("_closing", "_reader", "_runtime", "_transport", "session", "watchdog")

    def __init__(
        self, transport: asyncio.Transport, room: Room, state: SessionState, runtime: Runtime
    ) -> None:
        transport.set_write_buffer_limits(0)  # pause_writing as soon as a write is left over
        self._transport = transport
        self._runtime = runtime
        self._closing: ClosingHandshake | None = None  # from when the session begins to leave
        self.session = new_session(state, room, transport, self, runtime.terms)
        self.watchdog = Watchdog(self.session, runtime)
        self._reader = Reader(self.session, self.watchdog, runtime)

    def start(self, answer: bytes, early: bytes, refusal: Close | None = None) -> None:
        """Take the transport over and join the room, or (`refusal`) say why not and end.

        `answer` ends the handshake; `early` came in behind it.
        """
        runtime, session = self._runtime, self.session
        self._transport.set_protocol(self)
        runtime.roster.add(self)
        runtime.connection_log.joined(session.user, session.room.name, session.options.address)
        if refusal is None:
            session.join(answer)
        else:
            session.outbox.send(answer)
            session.close(refusal)
        session.intake.start(self._reader)
        if early:
            self._reader.receive(early)

    def take_over(self) -> None:
        """Go on where another process left off: read, write, and end what was ending."""
        self._transport.set_protocol(self)
        self.session.outbox.start()
        self.session.intake.start(self._reader)
        if self.session.fresh_token:  # that was being checked there
            self.renew(self.session.fresh_token)
        if self.session.ending is not None:
            self._closing = ClosingHandshake(self.session, self._transport, self._runtime.loop)
            self._closing.go_on()

    def detach(self) -> None:
        """Another process has the socket: forget it here, and tell the client nothing."""
        self._stop()
        self._transport.set_protocol(asyncio.Protocol())
        self._transport.abort()

    @property
    def socket(self) -> socket.socket | None:
        """Its socket; None once that is closed, or is about to be with nothing more to send."""
        transport = self._transport
        has_ended = transport.is_closing() and not transport.get_write_buffer_size()
        return None if self.session.is_over or has_ended else open_socket(transport)

    def beat(self, now: float) -> int:
        self.watchdog.check(now)
        return private(self.session)

    def begin_close(self) -> None:
        self._closing = ClosingHandshake(self.session, self._transport, self._runtime.loop)
        self._runtime.roster.free_place(self)

    def end_when_sent(self) -> None:
        if self._closing is not None:
            self._closing.go_on()

    def abort(self) -> None:
        if self._closing is not None:
            self._closing.reset()
        else:
            self._transport.abort()

    def renew(self, token: str) -> None:
        self._runtime.renew(self.session, token)

    def acknowledged(self) -> int:
        return self.session.outbox.taken - unacknowledged(self._transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._runtime.buffer

    def buffer_updated(self, size: int) -> None:
        self._reader.receive(self._runtime.buffer[:size].tobytes())

    def pause_writing(self) -> None:
        self.session.outbox.block()

    def resume_writing(self) -> None:
        self.session.unblock()
        if self._closing is not None:
            # Not at once: a transport that is closed in here ends twice.
            self._runtime.loop.call_soon(self._closing.go_on)

    def eof_received(self) -> None:
        """A client that ends its stream without a close frame is gone, and so is its backlog."""
        if self.session.is_open:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        runtime, session = self._runtime, self.session
        if session.is_open:
            runtime.roster.free_place(self)
        self._stop()
        session.leave()
        unsent = 0 if self._closing is None else self._closing.unsent
        end = describe_end(session.ending, unsent, str(exc or "stream ended"))
        runtime.connection_log.left(session.user, session.room.name, end)
        runtime.roster.remove(self, end.reason)

    def _stop(self) -> None:
        """The socket is gone, or another process has it: nothing is to happen any more."""
        if self._closing is not None:
            self._closing.stop()
        self._reader.stop()
        self.session.drop()
        self.watchdog.stop()


def watchdog_of(session: Session) -> Watchdog:
    """Return who knows whether the client of this session is there."""
    assert isinstance(session.owner, Connection)
    return session.owner.watchdog
