"""Messages with file descriptors over a Unix stream socket.

A message is its kind, the length of a JSON head and of the raw bytes behind it, then both. The
descriptors ride on its first byte. The receiver acknowledges descriptors: unread ones count
against the limit of open files (ETOOMANYREFS), and one message carries at most 253 (EINVAL).
"""

import array
import os
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import orjson

MOST_FILES: Final = 253  # in one message (unix(7), SCM_RIGHTS)
MOST_BYTES: Final = 4 * 1024**3  # of one message

_HEAD: Final = struct.Struct(">4sIQ")  # kind, bytes of the head, bytes behind it
_ACK: Final = b"\x06"
_LEAST: Final = 0.001  # seconds to read what is there
_NO_MESSAGE: Final = "the other side sends what is no message"


class HandoverFailed(Exception):
    """The conversation has ended; `str()` says why."""


class Gone(HandoverFailed):
    """The other side has closed the socket, or reads no more."""


class Silent(HandoverFailed):
    """The other side does not answer in time."""


class Received(NamedTuple):
    kind: str
    head: Any
    data: bytes
    files: list[int]


class Channel:
    """One side of the conversation. All calls block, for as long as `wait` or `end_in` allows."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._end: float | None = None  # of the monotonic clock: when the last call has to be over

    def wait(self, seconds: float) -> None:
        """From now on the other side may be silent for so long, each time."""
        self._end = None
        self.socket.settimeout(seconds)

    def end_in(self, seconds: float) -> None:
        """All calls from now on share this time, however slowly the other side moves.

        What has come already can still be read after that.
        """
        self._end = time.monotonic() + seconds

    def send(
        self, kind: str, head: Any = None, data: bytes = b"", files: Sequence[int] = ()
    ) -> None:
        """Send one message; with files, wait until the other side has them."""
        text = orjson.dumps(head)
        # A short message is one call, which sends it whole or fails: who fails to say "took" has
        # said nothing.
        message = _HEAD.pack(kind.encode().ljust(4), len(text), len(data)) + text
        try:
            self._hurry()
            if files:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
                sent = self.socket.sendmsg([message], [rights])
                message = message[sent:]
            if message:
                self.socket.sendall(message)
            if data:
                self._hurry()
                self.socket.sendall(data)
            if files and self._read(1) != _ACK:
                raise HandoverFailed("the other side did not take the descriptors")
        except OSError as error:
            raise _broken(error) from None

    def receive(self, most: int = MOST_BYTES) -> Received:
        """Wait for one message of at most `most` bytes; acknowledge its files."""
        files = array.array("i")
        try:
            self._hurry()
            start, rights, flags, _ = self.socket.recvmsg(
                _HEAD.size, socket.CMSG_SPACE(MOST_FILES * files.itemsize)
            )
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    files.frombytes(data[: len(data) - len(data) % files.itemsize])
            if not start:
                raise Gone("the other side has gone")
            if flags & socket.MSG_CTRUNC:
                raise HandoverFailed("descriptors were lost: too few files may be open here")
            name, head_size, size = _HEAD.unpack(start + self._read(_HEAD.size - len(start)))
            if head_size + size > most:
                raise HandoverFailed(_NO_MESSAGE)
            head = orjson.loads(self._read(head_size))
            body = self._read(size)
            if files:
                self.socket.sendall(_ACK)
            return Received(name.decode("ascii").strip(), head, body, list(files))
        except BaseException as error:
            for file in files:
                os.close(file)
            if isinstance(error, OSError):
                raise _broken(error) from None
            if isinstance(error, ValueError):
                raise HandoverFailed(_NO_MESSAGE) from None
            raise

    def stop_hearing(self) -> None:
        """From now on the other side cannot say anything; what it has said can still be read."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)

    def stop(self) -> None:
        """End the conversation, and a call that waits in another thread."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()

    def _hurry(self) -> None:
        if self._end is not None:
            self.socket.settimeout(max(_LEAST, self._end - time.monotonic()))

    def _read(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._hurry()
            count = self.socket.recv_into(view)
            if not count:
                raise Gone("the other side has gone")
            view = view[count:]
        return bytes(data)


def _broken(error: OSError) -> HandoverFailed:
    if isinstance(error, TimeoutError | BlockingIOError):
        return Silent("the other side does not answer")
    if isinstance(error, ConnectionError):
        return Gone("the other side has gone")
    return HandoverFailed((error.strerror or str(error)).lower())
