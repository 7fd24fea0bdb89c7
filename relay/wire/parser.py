"""Frames from clients, parsed by aiohttp's compiled reader: the one place that knows it.

`WebSocketReader` is public in `aiohttp.http`; the queue it feeds is not, and pyproject.toml
therefore admits one minor version of aiohttp. Feeding our own list instead of aiohttp's queue
leaves out a future, a flow control and a task per connection that the relay has no use for.
"""

import asyncio
import re
from typing import Any, Final, cast

from aiohttp import WSCloseCode, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import WebSocketError, WebSocketReader

from relay.wire.closing import Close, Reason

TEXT: Final = WSMsgType.TEXT
BINARY: Final = WSMsgType.BINARY
CLOSE: Final = WSMsgType.CLOSE
PING: Final = WSMsgType.PING

Message = tuple[WSMsgType, Any, str | None]
"""Type; bytes (TEXT, BINARY, PING, PONG) or the close code (CLOSE); the close text (CLOSE)."""

_SIZE = re.compile(r"\d+")
# Our sentence for what the reader says: a word of its text, and what to tell the client. Its own
# text is not sent: it changes with aiohttp, and quotes what came.
_PROBLEMS: Final = (
    ("reserved bits", "frame has reserved bits set, and no extension was agreed on"),
    ("fragmented control", "control frame is fragmented"),
    ("Control frame payload", "control frame of more than 125 bytes"),
    ("Continuation frame", "continuation frame without a message to continue"),
    ("non-fin frame", "message begins before the one before it has ended"),
    ("close code", "close frame has a code that must not be sent"),
    ("close frame", "close frame of one byte"),
    ("opcode", "frame has an opcode that is not defined"),
)
_OTHER_PROBLEM: Final = "frame breaks the WebSocket protocol"


class _Messages(WebSocketDataQueue):
    """What the reader feeds: it keeps messages and the first error, and never stalls the reader."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # It never pauses a protocol either, so it needs none.
        super().__init__(cast(BaseProtocol, None), 0, loop=loop)
        self.messages: list[Message] = []
        self.error: BaseException | None = None

    def feed_data(self, data: Any, size: int) -> None:
        self.messages.append(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self.error = exc


class Parser:
    """One client's byte stream; a message of `limit` bytes passes, one byte more does not."""

    __slots__ = ("_found", "_limit", "_reader")

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self._limit = limit
        self._found = _Messages(loop)
        # Its own limit is the first size that it refuses.
        self._reader = WebSocketReader(self._found, limit + 1, compress=False, decode_text=False)

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that end in `data`; `error` then says whether parsing can go on."""
        self._reader.feed_data(data)
        messages = self._found.messages
        if messages:
            self._found.messages = []
        return messages

    @property
    def error(self) -> Close | None:
        """Why the stream cannot be parsed any further, or None."""
        error = self._found.error
        if error is None:
            return None
        if not isinstance(error, WebSocketError):
            raise error
        if error.code == WSCloseCode.MESSAGE_TOO_BIG:
            size = _SIZE.search(str(error))
            return Reason.TOO_BIG.close(size=size[0] if size else "more", limit=self._limit)
        if error.code == WSCloseCode.INVALID_TEXT:
            return Reason.INVALID_TEXT.close()
        text = str(error)
        problem = next((own for word, own in _PROBLEMS if word in text), _OTHER_PROBLEM)
        return Reason.BROKEN_FRAME.close(problem=problem)
