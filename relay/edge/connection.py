"""One client's socket: it feeds a session, and ends it.

aiohttp answers the handshake, then this protocol takes the transport over. There is no task, no
queue and no `await` per connection.
"""

import asyncio
import socket
from dataclasses import replace
from typing import Final

from relay.edge.farewell import Farewell
from relay.edge.kernel import unacknowledged
from relay.edge.load import AT_REST, Load, private
from relay.edge.reader import Reader
from relay.edge.runtime import Runtime
from relay.edge.watchdog import Watchdog
from relay.member.ending import Ending, begin_ending, describe_end
from relay.member.liveness import STALL
from relay.member.session import Session, SessionState
from relay.room.room import Room
from relay.wire import notes
from relay.wire.closing import Close, Reason
from relay.wire.frames import PING, encode

_PING: Final = (encode(PING, b""),)


class Connection(asyncio.BufferedProtocol):
    """A session's socket for as long as it is open; asyncio calls it as a `BufferedProtocol`."""

    __slots__ = (
        "_farewell",
        "_runtime",
        "_transport",
        "is_lost",
        "reader",
        "session",
        "watchdog",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        room: Room,
        state: SessionState,
        runtime: Runtime,
        ending: Ending | None = None,
    ) -> None:
        transport.set_write_buffer_limits(0)  # pause_writing as soon as a write is left over
        self._transport = transport
        self._runtime = runtime
        self.is_lost = False  # its socket is gone, or another process has it
        self.session = session = Session(state, room, transport, self, runtime.terms)
        self.watchdog = Watchdog(self, runtime)
        self.reader = Reader(self, runtime)
        self._farewell = Farewell(ending, session, transport, runtime) if ending else None

    def start(self, answer: bytes, early: bytes, refusal: Close | None = None) -> None:
        """Take the transport over and join the room, or (`refusal`) say why not and end.

        `answer` ends the handshake; `early` came in behind it.
        """
        session, room, options = self.session, self.session.room, self.session.options
        runtime = self._runtime
        runtime.roster.add(self, options.address)
        wanted = options.history if session.receives else 0
        history = room.history(wanted) if wanted else None
        if refusal is None:
            room.join(session)
        self._transport.set_protocol(self)
        runtime.journal.joined(session.user, room.name, options.address)
        session.outbox.send(answer)
        if history is not None:
            session.outbox.replay(*history)
        session.intake.start()
        if refusal is not None:
            self.close(refusal)
        if early:
            self.reader.receive(early)

    def take_over(self) -> None:
        """Go on where another process left off: read, write, and end what was ending."""
        self._transport.set_protocol(self)
        self.session.outbox.start()
        self.session.intake.start()
        if self._farewell is not None:
            self._farewell.go_on()

    def detach(self) -> None:
        """Another process has taken over: forget the socket, and tell the client nothing."""
        self._lose()
        self._transport.set_protocol(asyncio.Protocol())
        self._transport.abort()

    def forget(self) -> None:
        """Nothing came of taking it over: another process goes on with it."""
        self._lose()
        self.session.outbox.abandon()
        self.session.inbox.stop()
        self._transport.abort()

    @property
    def ending(self) -> Ending | None:
        """How it is being closed; None while it is in its room."""
        return self._farewell.ending if self._farewell is not None else None

    @property
    def socket(self) -> socket.socket | None:
        """Its socket; None once that is closed, or is about to be with nothing more to send."""
        transport = self._transport
        sock: socket.socket | None = transport.get_extra_info("socket")
        has_ended = transport.is_closing() and not transport.get_write_buffer_size()
        return None if self.is_lost or has_ended or sock is None or sock.fileno() < 0 else sock

    @property
    def is_open(self) -> bool:
        """Whether it is in its room; one that is not is being closed, or has ended."""
        return self._farewell is None and not self.is_lost

    def load(self, now: float) -> Load:
        return self.watchdog.load(now)

    @property
    def address(self) -> str:
        """What the client counts as in the limit per address."""
        return self.session.options.address

    def close(self, close: Close, patience: float = STALL) -> None:
        """Leave the room, say why behind the backlog, and end; see `Ending`."""
        if not self.is_open:
            if close.reason is Reason.OVERLOADED:
                self.abort()
            return
        runtime = self._runtime
        end = begin_ending(close, runtime.loop.time(), patience)
        self._farewell = farewell = Farewell(end, self.session, self._transport, runtime)
        runtime.roster.depart(self, self.address)
        has_everything = farewell.begin()
        self.reader.hurry()
        if has_everything:
            self.settled()

    def answer_close(self) -> None:
        """The client's close frame has come: say goodbye, or end where that was said."""
        session = self.session
        if self.is_open:
            goodbye = replace(Reason.LEFT.close(), own_code=session.inbox.close_code)
            self.close(goodbye, 0)
        elif not session.outbox.is_blocked:
            self._transport.close()

    def settled(self) -> None:
        """It has all that was on its way to it: leave the room, and say why."""
        if self._farewell is not None and not self.is_lost:
            self._runtime.hub.leave(self.session.room, self.session)
            self._farewell.say()

    def overrun(self) -> None:
        limit = self._runtime.settings.write_buffer_size
        self.close(Reason.TOO_SLOW.close(backlog=self.session.outbox.lag, limit=limit))

    def announce_drain(self, seconds: float) -> None:
        if self.is_open:
            self.session.tell(notes.drain(round(seconds * 1000)))

    def ignore(self) -> None:
        self.session.inbox.await_close()

    def wake(self, at: float) -> None:
        self.reader.wake(at)

    def abort(self) -> None:
        if self._farewell is not None:
            self._farewell.cut_off()
        else:
            self._transport.abort()

    def acknowledged(self) -> int:
        """Return how many bytes the client's side has acknowledged."""
        unread = unacknowledged(self._transport.get_extra_info("socket"))
        return self.session.outbox.taken - unread

    def ping(self) -> None:
        self.session.outbox.control(_PING)

    def beat(self, now: float) -> int:
        self.watchdog.check(now)
        session = self.session
        is_at_rest = not (session.outbox.is_blocked or session.intake.waits)
        return AT_REST if is_at_rest else private(session)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._runtime.buffer

    def buffer_updated(self, size: int) -> None:
        self.reader.receive(self._runtime.buffer[:size].tobytes())

    def pause_writing(self) -> None:
        self.session.outbox.block()

    def resume_writing(self) -> None:
        self.session.unblock()
        if self._farewell is not None:
            # Not at once: a transport that is closed in here ends twice.
            self._runtime.loop.call_soon(self._farewell.go_on)

    def eof_received(self) -> None:
        """A client that ends its stream without a close frame is gone, and so is its backlog."""
        if self.is_open:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        runtime, session = self._runtime, self.session
        if self.is_open:
            runtime.roster.depart(self, self.address)
        self._lose()
        runtime.hub.leave(session.room, session)
        session.outbox.abandon()
        session.inbox.stop()
        session.intake.drop()
        unsent = self._farewell.unsent if self._farewell is not None else 0
        end = describe_end(self.ending, unsent, str(exc or "stream ended"))
        runtime.journal.left(session.user, session.room.name, end)
        runtime.roster.remove(self, self.address, end.reason)

    def _lose(self) -> None:
        """The socket is gone, or another process has it: nothing is to happen any more."""
        self.is_lost = True
        self.reader.stop()
        self.watchdog.stop()
        if self._farewell is not None:
            self._farewell.stop()
