"""The answer 101 to a handshake, and taking its connection away from aiohttp.

Like `relay.wire.parser`, it relies on aiohttp's internals. The methods called here are public, and
made for aiohttp's own WebSockets and transports to call.
Tests over real sockets hold what it relies on: frames that come in with the handshake are not lost,
and nothing is written or closed behind our back.
"""

import base64
import hashlib

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import WS_KEY


class Switched(web.StreamResponse):
    """Nothing more to say over HTTP: the transport has another protocol, or is gone."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class _Early:
    """Takes what a client sent behind its handshake without waiting for the answer."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        pass


def switch_protocols(request: web.Request, subprotocol: str | None) -> tuple[bytes, bytes]:
    """Take the transport away; return the answer 101 (RFC 6455 §4.2.2) and what came in behind.

    The caller then sets the transport's protocol and sends the answer, without an `await` before.
    """
    key = request.headers["Sec-WebSocket-Key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + WS_KEY, usedforsecurity=False).digest())
    head = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    ]
    if subprotocol is not None:
        head.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode(errors="surrogateescape"))
    early = _Early()
    request.protocol.set_parser(early)  # type: ignore[arg-type]  # it calls feed_data only
    # For aiohttp this connection is over: without its transport it closes nothing, and its task
    # ends with the response.
    request.protocol.transport = None
    request.protocol.connection_lost(None)
    return b"\r\n".join(head) + b"\r\n\r\n", early.data
