"""In front of aiohttp: keeps the bytes of a request's head until it is whole.

A connection without a whole head is only a socket and some bytes, so that another process can take
it over; and it has one deadline, however slowly its bytes come.
"""

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 15.0  # seconds for a whole head
MOST: Final = 128 * 1024  # bytes of a head; what is longer, aiohttp's side refuses with a reason
_END: Final = b"\r\n\r\n"

NewProtocol = Callable[[], asyncio.Protocol]


class Gate(asyncio.Protocol):
    """One connection before its first request; `gates` holds all of them."""

    __slots__ = ("_data", "_deadline", "_gates", "_inside", "transport")

    def __init__(self, inside: NewProtocol, gates: set["Gate"], data: bytes = b"") -> None:
        self.transport: asyncio.Transport | None = None
        self._inside = inside
        self._gates = gates
        self._data = data
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def received(self) -> bytes:
        """What has come of the head."""
        return self._data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._gates.add(self)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(PATIENCE, transport.abort)
        if self._data:
            self.data_received(b"")

    def detach(self) -> None:
        """Another process has taken over: forget the socket, and tell the client nothing."""
        self._leave()
        if self.transport is not None:
            self.transport.set_protocol(asyncio.Protocol())
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        start = max(0, len(self._data) - len(_END))
        self._data += data
        if self._data.find(_END, start) >= 0 or len(self._data) > MOST:
            self._open()

    def eof_received(self) -> None:
        """A client that ends its stream before its head is whole asks for nothing."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _open(self) -> None:
        """The head is whole: aiohttp takes over."""
        self._leave()
        assert self.transport is not None
        protocol = self._inside()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(self._data)

    def _leave(self) -> None:
        self._gates.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
