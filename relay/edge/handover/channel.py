"""Messages with file descriptors over a Unix stream socket.

A message is its kind, the length of a JSON head and of the raw bytes behind it, then both. The
descriptors ride on its first byte. Whoever gets descriptors acknowledges them: unread ones count
against the limit of open files (ETOOMANYREFS), and one message carries at most 253 (EINVAL).
"""

import array
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

MOST_FILES: Final = 253  # in one message (unix(7), SCM_RIGHTS)
MOST_HEAD: Final = 256 * 1024**2  # bytes of a head
MOST_BYTES: Final = 4 * 1024**3  # bytes behind a head

_HEAD: Final = struct.Struct(">4sIQ")  # kind, bytes of the head, bytes behind it
_ACK: Final = b"\x06"


class Broken(Exception):
    """The other side has gone, or sends what is no message; `str()` says which."""


class Received(NamedTuple):
    kind: str
    head: Any
    data: bytes
    files: list[int]


class Channel:
    """One side of the conversation. All calls block, for at most the socket's timeout."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def send(
        self, kind: str, head: Any = None, data: bytes = b"", files: Sequence[int] = ()
    ) -> None:
        """Send one message; with files, wait until the other side has them."""
        text = orjson.dumps(head)
        # A message without data is one call, which sends it whole or fails: whoever fails to say
        # "yours" has said nothing.
        message = _HEAD.pack(kind.encode().ljust(4), len(text), len(data)) + text
        try:
            if files:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
                sent = self.socket.sendmsg([message], [rights])
                message = message[sent:]
            if message:
                self.socket.sendall(message)
            if data:
                self.socket.sendall(data)
            if files and self._read(1) != _ACK:
                raise Broken("the other side did not take the descriptors")
        except OSError as error:
            raise Broken(_reason(error)) from None

    def receive(self) -> Received:
        """Wait for one message; acknowledge its files."""
        try:
            start, rights, flags, _ = self.socket.recvmsg(
                _HEAD.size, socket.CMSG_SPACE(MOST_FILES * array.array("i").itemsize)
            )
            files = array.array("i")
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    files.frombytes(data[: len(data) - len(data) % files.itemsize])
            if not start:
                raise Broken("the other side has gone")
            name, head_size, size = _HEAD.unpack(start + self._read(_HEAD.size - len(start)))
            if flags & socket.MSG_CTRUNC:
                raise Broken("descriptors were lost: too few files may be open here")
            if head_size > MOST_HEAD or size > MOST_BYTES:
                raise Broken("the other side sends what is no message")
            head = orjson.loads(self._read(head_size))
            body = self._read(size)
            if files:
                self.socket.sendall(_ACK)
            return Received(name.decode("ascii").strip(), head, body, list(files))
        except (OSError, ValueError) as error:
            raise Broken(_reason(error)) from None

    def close(self) -> None:
        self.socket.close()

    def _read(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self.socket.recv_into(view)
            if not count:
                raise Broken("the other side has gone")
            view = view[count:]
        return bytes(data)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the other side does not answer"
    if isinstance(error, ConnectionError):
        return "the other side has gone"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "the other side sends what is no message"
