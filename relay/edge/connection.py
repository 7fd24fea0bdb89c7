"""One client's socket and its timers; what is read and written is its session's.

aiohttp answers the handshake, then this protocol takes the transport over. There is no task, no
queue and no `await` per connection.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from relay.edge.kernel import unacknowledged
from relay.edge.load import private
from relay.edge.reader import Reader
from relay.edge.runtime import Runtime
from relay.edge.watchdog import Watchdog
from relay.member.annotated_session import new_session
from relay.member.ending import GOODBYE, describe_end
from relay.member.session import Session
from relay.member.session_state import SessionState
from relay.room.room import Room
from relay.wire.closing import Close

_STEP: Final = 0.1  # seconds between two looks at what a closing client has acknowledged


class Connection(asyncio.BufferedProtocol):
    """The socket of a session for as long as it is open."""

    __slots__ = ("_reader", "_runtime", "_timer", "_transport", "_unsent", "session", "watchdog")

    def __init__(
        self, transport: asyncio.Transport, room: Room, state: SessionState, runtime: Runtime
    ) -> None:
        transport.set_write_buffer_limits(0)  # pause_writing as soon as a write is left over
        self._transport = transport
        self._runtime = runtime
        self._timer: asyncio.TimerHandle | None = None  # of a client that is being closed
        self._unsent = 0  # bytes, when it was cut off
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
        runtime.journal.joined(session.user, session.room.name, session.options.address)
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
        self.session.check_token()
        if self.session.ending is not None:
            self._call_at(self.session.ending.reset_at, self.abort)
            self.end_when_sent()

    def detach(self) -> None:
        """Another process has taken over: forget the socket, and tell the client nothing."""
        self._stop()
        self._transport.set_protocol(asyncio.Protocol())
        self._transport.abort()

    def forget(self) -> None:
        """Nothing came of taking it over: another process goes on with it."""
        self._stop()
        self._transport.abort()

    @property
    def socket(self) -> socket.socket | None:
        """Its socket; None once that is closed, or is about to be with nothing more to send."""
        transport = self._transport
        sock: socket.socket | None = transport.get_extra_info("socket")
        has_ended = transport.is_closing() and not transport.get_write_buffer_size()
        is_gone = self.session.is_over or has_ended or sock is None or sock.fileno() < 0
        return None if is_gone else sock

    def beat(self, now: float) -> int:
        self.watchdog.check(now)
        return private(self.session)

    # Owner, for the session

    def depart(self) -> None:
        assert self.session.ending is not None
        self._call_at(self.session.ending.reset_at, self.abort)
        self._runtime.roster.depart(self)

    def end_when_sent(self) -> None:
        session = self.session
        if session.is_over or session.outbox.is_open or not session.outbox.is_empty:
            return  # it is over, or has not said why yet, or that is still to be sent
        if session.inbox.is_closed:
            self._transport.close()
        else:
            self._await_acknowledgement()

    def abort(self) -> None:
        self._unsent = self.session.outbox.waiting()
        self._transport.abort()

    def acknowledged(self) -> int:
        unread = unacknowledged(self._transport.get_extra_info("socket"))
        return self.session.outbox.taken - unread

    # asyncio.BufferedProtocol

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._runtime.buffer

    def buffer_updated(self, size: int) -> None:
        self._reader.receive(self._runtime.buffer[:size].tobytes())

    def pause_writing(self) -> None:
        self.session.outbox.block()

    def resume_writing(self) -> None:
        self.session.unblock()
        if self.session.ending is not None:
            # Not at once: a transport that is closed in here ends twice.
            self._runtime.loop.call_soon(self.end_when_sent)

    def eof_received(self) -> None:
        """A client that ends its stream without a close frame is gone, and so is its backlog."""
        if self.session.is_open:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        runtime, session = self._runtime, self.session
        if session.is_open:
            runtime.roster.depart(self)
        self._stop()
        session.leave()
        end = describe_end(session.ending, self._unsent, str(exc or "stream ended"))
        runtime.journal.left(session.user, session.room.name, end)
        runtime.roster.remove(self, end.reason)

    def _await_acknowledgement(self) -> None:
        """Cut the client off some time after it has everything: then it does not answer."""
        ending, now = self.session.ending, self._runtime.loop.time()
        assert ending is not None
        if now < ending.deadline and unacknowledged(self._transport.get_extra_info("socket")):
            self._call_at(now + _STEP, self._await_acknowledgement)
        else:
            self._call_at(now + GOODBYE, self.abort)

    def _call_at(self, at: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._runtime.loop.call_at(at, callback)

    def _stop(self) -> None:
        """The socket is gone, or another process has it: nothing is to happen any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._reader.stop()
        self.session.drop()
        self.watchdog.stop()


def watchdog_of(session: Session) -> Watchdog:
    """Return who knows whether the client of this session is there."""
    assert isinstance(session.owner, Connection)
    return session.owner.watchdog
