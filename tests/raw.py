"""A WebSocket client that can misbehave: it sends what it is told and reads when it is told."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass

MASK = b"\x01\x02\x03\x04"


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int:
        assert self.opcode == 8
        return int.from_bytes(self.payload[:2], "big")

    @property
    def close_text(self) -> str:
        return self.payload[2:].decode()


def encode(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a client's frame, masked."""
    head = bytes(((0x80 if fin else 0) | opcode,))
    size = len(payload)
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65536:
        head += bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    key = int.from_bytes((MASK * (size // 4 + 1))[:size], "big")
    return head + MASK + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def handshake(path: str) -> bytes:
    """Return the head of a request to upgrade."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


class RawClient:
    """One connection. It reads nothing from the socket until `read` or `answer` asks for it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.read_bytes = 0  # from the socket, in all
        self.sent_bytes = 0
        self._buffer = b""

    @classmethod
    async def connect(
        cls,
        port: int | str,
        path: str,
        *,
        receive_buffer: int | None = None,
        extra: bytes = b"",
    ) -> "RawClient":
        """Connect to a port, or a Unix socket, and send the handshake, and `extra` behind it."""
        client = await cls.open(port, receive_buffer=receive_buffer)
        try:
            await client.send(handshake(path) + extra)
            head = await client.answer()
            assert head.startswith(b"HTTP/1.1 101"), head
        except BaseException:
            client.close()
            raise
        return client

    @classmethod
    async def open(cls, port: int | str, *, receive_buffer: int | None = None) -> "RawClient":
        """Connect, and say nothing yet."""
        address = port if isinstance(port, str) else ("127.0.0.1", port)
        sock = socket.socket(socket.AF_UNIX if isinstance(port, str) else socket.AF_INET)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def answer(self) -> bytes:
        """Return the head of an HTTP answer; b"" when the stream ends instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._receive():
                return b""
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)
        self.sent_bytes += len(data)

    async def text(self, payload: bytes) -> None:
        await self.send(encode(1, payload))

    async def sip(self, size: int) -> None:
        """Take so many bytes from the socket, or fewer, to be read later."""
        self._take(await asyncio.get_running_loop().sock_recv(self.socket, size))

    async def read(self) -> Frame | None:
        """Return the next frame, or None at the end of the stream."""
        while True:
            frame = self._parse()
            if frame is not None:
                return frame
            if not await self._receive():
                return None

    async def read_until_close(self) -> tuple[list[Frame], Frame | None]:
        """Return what came before the close frame, and the close frame or None."""
        frames: list[Frame] = []
        while frame := await self.read():
            if frame.opcode == 8:
                return frames, frame
            frames.append(frame)
        return frames, None

    async def at_end(self) -> bool:
        """Wait for the end of the stream; return whether nothing came before it."""
        return await self.read() is None

    def close(self) -> None:
        """Close it, also while somebody reads from it or has just been cancelled.

        asyncio would watch for its number until the next pass, and find the next socket there.
        """
        with contextlib.suppress(RuntimeError):  # no loop runs any more
            loop = asyncio.get_running_loop()
            if self.socket.fileno() >= 0:
                loop.remove_reader(self.socket)
                loop.remove_writer(self.socket)
        self.socket.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    async def _receive(self) -> bool:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 18)
        except ConnectionResetError:
            return False
        self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        self._buffer += data
        self.read_bytes += len(data)

    def _parse(self) -> Frame | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, at = data[1], 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at + size:
            return None
        self._buffer = data[at + size :]
        return Frame(data[0] & 15, data[at : at + size])
