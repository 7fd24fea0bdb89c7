"""From an address to an open WebSocket (RFC 6455 §4.1), or to the sentence that says why not."""

import json
import re
import ssl
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from os import urandom
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET, TCP_NODELAY, gaierror
from typing import Any

import gevent.socket
import gevent.ssl
from aiohttp.http_websocket import WS_KEY

from wsload.client.address import Address, shown
from wsload.client.failures import (
    BadAddress,
    ConnectFailed,
    NoWebSocket,
    Unreachable,
    Untrusted,
    plain,
    refusal,
)

TIMEOUT = 10.0  # seconds for name, TCP, TLS and upgrade together
_LARGEST_HEAD = 64 * 1024  # bytes of an answer's head
_STATUS = re.compile(r"\S+ ([1-5]\d\d)(?!\S)", re.ASCII)
_LENGTH = re.compile(r"\d{1,5}", re.ASCII)  # of an answer's body, as far as anybody reads one
# We forget between two messages; the server need not.
_DEFLATE = "permessage-deflate; client_no_context_takeover"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the server at an address."""

    resource: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    compression: bool = False

    def head(self, address: Address, key: bytes) -> bytes:
        """The bytes of the request. Raises `BadAddress` for what would be two headers."""
        lines = [
            f"GET {self.resource} HTTP/1.1",
            f"Host: {address.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if self.subprotocols:
            lines.append(f"Sec-WebSocket-Protocol: {', '.join(self.subprotocols)}")
        if self.compression:
            lines.append(f"Sec-WebSocket-Extensions: {_DEFLATE}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        for line in lines:
            if "\r" in line or "\n" in line:
                raise BadAddress(f"line break in {line.split(':')[0]!r}: a header is one line")
        return "\r\n".join([*lines, "\r\n"]).encode()


@dataclass(frozen=True, slots=True)
class Opened:
    """An open WebSocket."""

    sock: Any
    leftover: bytes  # came behind the server's answer: frames already
    headers: dict[str, str]  # of the answer, by names in lower case
    compressed: bool = False  # permessage-deflate was agreed

    @property
    def subprotocol(self) -> str:
        """The one that the server chose; empty: none."""
        return self.headers.get("sec-websocket-protocol", "")


def connect(
    address: Address,
    context: ssl.SSLContext | None,
    request: Request,
    *,
    receive_buffer: int = 0,
) -> Opened:
    """Open a WebSocket; raises `ConnectFailed`.

    `receive_buffer` bounds what the kernel takes in for us (bytes); 0 leaves that to the kernel.
    """
    key = b64encode(urandom(16))
    head = request.head(address, key)
    sock = None
    try:
        late = Unreachable(f"{address.authority} did not answer in {TIMEOUT:g} s")
        with gevent.Timeout(TIMEOUT, late):
            sock = _reach(address, context, receive_buffer)
            sock.sendall(head)
            return _upgraded(sock, address, request, key)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise Unreachable(f"{address.authority} hung up during the handshake: {error}") from None
    except BaseException:
        if sock is not None:
            sock.close()
        raise


def _reach(address: Address, context: ssl.SSLContext | None, receive_buffer: int) -> Any:
    """A connected socket, with TLS where `context` asks for it."""
    try:
        sock = gevent.socket.create_connection((address.host, address.port))
    except gaierror as error:
        raise Unreachable(f"no such host: {address.host} ({error.strerror})") from None
    except OSError as error:
        reason = error.strerror or error
        raise Unreachable(
            f"cannot reach {address.authority}: {reason}; is the server running there?"
        ) from None
    sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(SOL_SOCKET, SO_RCVBUF, receive_buffer)
    if context is None:
        return sock
    try:
        return context.wrap_socket(sock, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Untrusted(
            f"TLS of {address.authority} is not trusted: {error.verify_message}; "
            "pass its authority with --ca FILE, or --insecure"
        ) from None
    except (ssl.SSLError, ConnectionError):
        sock.close()
        raise NoWebSocket(
            f"{address.authority} does not speak TLS: try ws:// instead of wss://"
        ) from None


def _upgraded(sock: Any, address: Address, request: Request, key: bytes) -> Opened:
    """Check the answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            chunk = sock.recv(4096)
        except ssl.SSLError:
            chunk = b""  # TLS 1.3 refuses a client after its handshake
        received += chunk
        if (received and not b"HTTP/1.".startswith(received[:7])) or len(received) > _LARGEST_HEAD:
            what = "its answer is not HTTP"
        elif not chunk:
            what = "it closed without an answer"
        else:
            continue
        advice = (
            "does it ask for a --certificate?"
            if address.scheme == "wss"
            else "if it speaks TLS, try wss:// instead of ws://"
        )
        raise NoWebSocket(f"no WebSocket server at {address.authority}: {what}; {advice}")
    head, _, rest = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    status = int(found[1]) if (found := _STATUS.match(status_line)) else 0
    if status != 101:
        raise _refused(sock, address, status, headers, rest)
    accept = b64encode(sha1(key + WS_KEY, usedforsecurity=False).digest()).decode()
    if headers.get("sec-websocket-accept") != accept:
        raise NoWebSocket(
            f"no WebSocket server at {address.authority}: its Sec-WebSocket-Accept is wrong"
        )
    chosen = headers.get("sec-websocket-protocol", "")
    if chosen and chosen not in request.subprotocols:
        raise NoWebSocket(f"{address.authority} chose the subprotocol {chosen!r}, not offered")
    extensions = headers.get("sec-websocket-extensions", "")
    if extensions and not (request.compression and extensions.startswith("permessage-deflate")):
        raise NoWebSocket(f"{address.authority} chose the extension {extensions!r}, not offered")
    return Opened(sock, rest, headers, bool(extensions))


def _refused(
    sock: Any, address: Address, status: int, headers: dict[str, str], body: bytes
) -> ConnectFailed:
    """The sentence for an answer other than 101. A relay says why in JSON: {"error": …}."""
    if 300 <= status < 400 and (location := headers.get("location")):
        return NoWebSocket(
            f"{address.authority} redirects ({status}), and a WebSocket handshake is not led "
            f"elsewhere: try --host {plain(_as_websocket(location))}"
        )
    wanted = int(length) if _LENGTH.fullmatch(length := headers.get("content-length", "")) else 0
    while len(body) < wanted and (chunk := sock.recv(4096)):
        body += chunk
    try:
        reason = json.loads(body)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        if status in (401, 403, 409, 429, 503):
            return refusal(status, "")
        return NoWebSocket(
            f"no WebSocket server at {address.authority}: it answered {status or 'nonsense'} "
            "to a WebSocket handshake"
        )
    return refusal(status, str(reason))


def _as_websocket(location: str) -> str:
    """Where an HTTP server leads to, as somebody would type it; without a query."""
    scheme, colon, rest = shown(location).partition("://")
    return {"http": "ws", "https": "wss"}.get(scheme, scheme) + colon + rest
