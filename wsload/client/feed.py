"""Where aiohttp's compiled frame parser puts messages: the end of a connection that receives."""

from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue


class Traffic(Protocol):
    """Bytes that connections count together."""

    received_bytes: int
    sent_bytes: int


class Feed(WebSocketDataQueue):
    """Hands control frames on and drops messages; a subclass takes them in `feed_data`.

    Nothing is kept, so the parser never has to wait.
    """

    __slots__ = ("_control", "arrived")

    def __init__(self, control: Callable[[WSMessage], None]) -> None:
        """`control` gets pings, pongs and close frames."""
        no_protocol: Any = None  # its flow control is not ours
        super().__init__(no_protocol, 1, loop=no_protocol)
        self._control = control
        self.arrived = 0.0
        """When the chunk that is being parsed was read; set by the connection."""

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        if data.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            self._control(data)

    def feed_eof(self) -> None:
        """The end of the stream is the connection's to notice."""
