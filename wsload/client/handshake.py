"""From a URL to an open WebSocket (RFC 6455 §4.1), or to the sentence that says why not."""

import base64
import json
import os
import ssl
from dataclasses import dataclass
from hashlib import sha1
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET, TCP_NODELAY, gaierror
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import gevent.socket
import gevent.ssl
from aiohttp.http_websocket import WS_KEY

from wsload.client.failures import (
    BadAddress,
    ConnectFailed,
    NotARelay,
    Unreachable,
    Untrusted,
    refusal,
)

TIMEOUT = 10.0  # seconds for name, TCP, TLS and upgrade together
_LARGEST_HEAD = 64 * 1024  # bytes of an answer's head


@dataclass(frozen=True, slots=True)
class Target:
    """Where the relay is, and how to trust it."""

    scheme: str
    host: str
    port: int
    path: str  # in front of /ws, without a slash at its end
    token: str = ""
    ca: str = ""  # a file of certificates to trust besides the system's

    @classmethod
    def parse(cls, url: str, token: str = "", ca: str = "") -> "Target":
        """Read `url`, ws://host[:port][/path] or wss://…"""
        if not url:
            raise BadAddress("no relay given: pass --host ws://HOST:PORT")
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss"):
            better = {"http": "ws", "https": "wss"}.get(parts.scheme, "ws")
            raise BadAddress(
                f"wrong scheme in {url}: a WebSocket address begins with ws:// or wss://, "
                f"try {better}://{parts.netloc or url}"
            )
        try:
            port = parts.port or (443 if parts.scheme == "wss" else 80)
        except ValueError as error:
            raise BadAddress(f"bad port in {url}: {error}") from None
        if not parts.hostname:
            raise BadAddress(f"no host in {url}: expected {parts.scheme}://HOST:PORT")
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), token, ca)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """How to check the relay's certificate; none without TLS."""
        if self.scheme == "ws":
            return None
        context: ssl.SSLContext = gevent.ssl.create_default_context()
        if self.ca:
            try:
                context.load_verify_locations(self.ca)
            except OSError as error:
                raise BadAddress(f"cannot read --ca {self.ca}: {error}") from None
        return context


def connect(
    target: Target, context: ssl.SSLContext | None, name: str, query: dict[str, str], *,
    receive_buffer: int = 0,
) -> tuple[Any, bytes]:  # fmt: skip
    """Join as `name`. Returns the socket and what came behind the relay's answer.

    `receive_buffer` bounds what the kernel takes in for us (bytes); 0 leaves that to the kernel.
    """
    resource = f"{target.path}/ws/{quote(name, safe='')}?{urlencode(query)}"
    key = base64.b64encode(os.urandom(16))
    sock = None
    try:
        with gevent.Timeout(TIMEOUT, Unreachable(f"{target.authority} did not answer in 10 s")):
            sock = _reach(target, context, receive_buffer)
            sock.sendall(_request(target, resource, key))
            return sock, _upgraded(sock, target, key)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise Unreachable(f"{target.authority} hung up during the handshake: {error}") from None
    except BaseException:
        if sock is not None:
            sock.close()
        raise


def _reach(target: Target, context: ssl.SSLContext | None, receive_buffer: int) -> Any:
    """A connected socket, with TLS where `context` asks for it."""
    try:
        sock = gevent.socket.create_connection((target.host, target.port))
    except gaierror as error:
        raise Unreachable(f"no such host: {target.host} ({error.strerror})") from None
    except OSError as error:
        reason = error.strerror or error
        raise Unreachable(
            f"cannot reach {target.authority}: {reason}; is the relay running there?"
        ) from None
    sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(SOL_SOCKET, SO_RCVBUF, receive_buffer)
    if context is None:
        return sock
    try:
        return context.wrap_socket(sock, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Untrusted(
            f"TLS of {target.authority} is not trusted: {error.verify_message}; "
            "pass its authority with --ca FILE"
        ) from None
    except (ssl.SSLError, ConnectionError):
        sock.close()
        raise NotARelay(
            f"{target.authority} does not speak TLS: try ws:// instead of wss://"
        ) from None


def _request(target: Target, resource: str, key: bytes) -> bytes:
    lines = [
        f"GET {resource} HTTP/1.1",
        f"Host: {target.authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if target.token:
        lines.append(f"Authorization: Bearer {target.token}")
    return "\r\n".join([*lines, "\r\n"]).encode()


def _upgraded(sock: Any, target: Target, key: bytes) -> bytes:
    """Check the answer; returns the bytes behind its head, which are frames already."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = sock.recv(4096)
        received += chunk
        if (received and not b"HTTP/1.".startswith(received[:7])) or len(received) > _LARGEST_HEAD:
            raise NotARelay(
                f"{target.authority} is not a relay: its answer is not HTTP; "
                "if it speaks TLS, try wss:// instead of ws://"
            )
        if not chunk:
            raise NotARelay(
                f"{target.authority} is not a relay: it closed without an answer; "
                "if it speaks TLS, try wss:// instead of ws://"
            )
    head, _, rest = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    fields = status_line.split(" ", 2)
    status = int(fields[1]) if len(fields) > 1 and fields[1].isdecimal() else 0
    if status != 101:
        raise _refused(sock, target, status, headers, rest)
    accept = base64.b64encode(sha1(key + WS_KEY, usedforsecurity=False).digest()).decode()
    if headers.get("sec-websocket-accept") != accept:
        raise NotARelay(f"{target.authority} is not a relay: its Sec-WebSocket-Accept is wrong")
    return rest


def _refused(
    sock: Any, target: Target, status: int, headers: dict[str, str], body: bytes
) -> ConnectFailed:
    """The sentence for an answer other than 101. A relay says why in JSON: {"error": …}."""
    length = headers.get("content-length", "0")
    wanted = min(int(length), _LARGEST_HEAD) if length.isdecimal() else 0
    while len(body) < wanted and (chunk := sock.recv(4096)):
        body += chunk
    try:
        reason = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        if status in (401, 403, 409, 429, 503):
            return refusal(status, "")
        return NotARelay(
            f"{target.authority} is not a relay: it answered {status or 'nonsense'} "
            "to a WebSocket handshake"
        )
    return refusal(status, str(reason))
