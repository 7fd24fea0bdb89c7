"""In front of aiohttp: keeps the bytes of a connection's first request until it is under way.

Until then a connection is only a socket and some bytes, so that another process can take it over;
and there is one deadline for all of that, however slowly its bytes come. A handshake stays here
until it is decided, which takes up to two seconds where the holder of a name is asked; aiohttp
pauses the transport when 64 KB have come behind it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import orjson

from relay.edge.non_members import NonMembers, Verdict

PATIENCE: Final = 15.0  # seconds for a whole head, and until a handshake is decided
MOST: Final = 128 * 1024  # bytes of a head; what is longer, aiohttp's side refuses with a reason
_END: Final = b"\r\n\r\n"
_LINGER: Final = 1.0  # seconds for a refused client to take the answer
_COPIES: Final = 2  # of what has come once aiohttp has it, too

NewProtocol = Callable[[], asyncio.Protocol]


class Gate(asyncio.Protocol):
    """One connection before its first request is under way; `non_members` has all of them."""

    __slots__ = (
        "_deadline",
        "_inside",
        "_is_answered",
        "_new_inside",
        "_non_members",
        "_received",
        "_refusal",
        "address",
        "transport",
    )

    def __init__(
        self, new_inside: NewProtocol, non_members: NonMembers, received: bytes = b""
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self.address = ""
        self._new_inside = new_inside
        self._inside: asyncio.Protocol | None = None  # aiohttp's, from when the head is whole
        self._non_members = non_members
        self._refusal = b""  # the answer to whatever comes
        self._is_answered = False  # it has been refused, and takes nothing more
        self._received = received
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._received) * (1 if self._inside is None else _COPIES)

    @property
    def received(self) -> bytes:
        """All that has come: another process can begin with it."""
        return self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        verdict = self._non_members.enter(self)
        if verdict is Verdict.TURNED_AWAY:
            transport.abort()
            return
        if verdict is Verdict.REFUSED:
            self._refusal = _answer(self._non_members.refusal(self))
        loop = asyncio.get_running_loop()
        patience = _LINGER if self._refusal else PATIENCE
        self._deadline = loop.call_later(patience, transport.abort)
        self._open_if_whole(0)

    def step_aside(self) -> None:
        """The request is under way: it is answered here, and the transport is aiohttp's."""
        assert self.transport is not None and self._inside is not None
        self._leave()
        self.transport.set_protocol(self._inside)

    def detach(self) -> None:
        """Another process has taken over: forget the socket, and tell the client nothing."""
        self._leave()
        if self.transport is not None:
            self.transport.set_protocol(asyncio.Protocol())
            self.transport.abort()
        if self._inside is not None:
            self._inside.connection_lost(None)

    def data_received(self, data: bytes) -> None:
        if self._refusal:
            self._refuse()
            return
        start = max(0, len(self._received) - len(_END))
        before = self.held
        self._received += data
        self._non_members.take(self, self.held - before)
        if self._inside is None:
            self._open_if_whole(start)
        else:
            self._inside.data_received(data)

    def eof_received(self) -> bool | None:
        """A client that ends its stream before its head is whole asks for nothing."""
        return None if self._inside is None else self._inside.eof_received()

    def pause_writing(self) -> None:
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        if self._inside is not None:
            self._inside.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._inside is not None:
            self._inside.connection_lost(exc)

    def _open_if_whole(self, start: int) -> None:
        """Let aiohttp read what has come, if that is a head."""
        if self._received.find(_END, start) < 0 and len(self._received) <= MOST:
            return
        assert self.transport is not None
        self._non_members.uncount(self)  # what is inside does
        self._inside = self._new_inside()
        self._non_members.take(self, len(self._received))  # there are two copies now
        self._inside.connection_made(self.transport)
        self._inside.data_received(self._received)

    def _refuse(self) -> None:
        """Answer once; the connection ends when the client ends it, or with its deadline."""
        assert self.transport is not None
        if not (self._is_answered or self.transport.is_closing()):
            self._is_answered = True
            self.transport.write(self._refusal)
            self.transport.write_eof()

    def _leave(self) -> None:
        self._non_members.leave(self)
        self._received = b""
        if self._deadline is not None:
            self._deadline.cancel()


def _answer(error: str) -> bytes:
    body = orjson.dumps({"error": error})
    head = (
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def let_through(transport: asyncio.BaseTransport | None) -> None:
    """Have this connection's requests answered here from now on, if that is not so yet."""
    gate = transport.get_protocol() if isinstance(transport, asyncio.Transport) else None
    if isinstance(gate, Gate):
        gate.step_aside()
