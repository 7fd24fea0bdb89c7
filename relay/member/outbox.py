"""What one client has still to be sent: its backlog, in whole frames, behind the batch being sent.

The transport never holds more than one chunk. It would sum (3.12+) or copy (3.11) its buffer at
each write, for each member; here the backlog is references to batches that all members share.
"""

import asyncio
import fcntl
import sys
import termios
from collections import deque
from typing import Final, Protocol

STALL: Final = 5.0  # seconds in which a backlog has to shrink
CHUNK: Final = 256 * 1024  # bytes handed to the transport at once
SKIP_LAG: Final = 64 * 1024  # bytes of backlog from which a client with lag=skip misses messages


class Owner(Protocol):
    """Who is told what the backlog does."""

    def fell_behind(self) -> None:
        """The backlog has grown beyond half of the limit."""

    def caught_up(self) -> None:
        """The backlog is back at half of the limit or below."""

    def overran(self, backlog: int) -> None:
        """The backlog is beyond the limit, and there is more: nothing more is taken."""

    def skipped(self, count: int, size: int) -> None:
        """`count` messages of `size` bytes were left out."""

    def emptied(self) -> None:
        """Everything has been handed to the transport, and the transport holds nothing."""


def _take_chunk(queue: deque[bytes]) -> bytes:
    """Take from the front of a queue what fits into a chunk, or one piece that does not."""
    pieces = [queue.popleft()]
    size = len(pieces[0])
    while queue and size + len(queue[0]) <= CHUNK:
        pieces.append(queue.popleft())
        size += len(pieces[-1])
    return b"".join(pieces)


class Outbox:
    """Writes to one transport, in order and one chunk at a time.

    `lag` is the backlog in bytes: what waits behind the batch being sent. Replayed history does
    not count. `limit` is how large it may be when a batch is added, so that one message is never
    too big for a client that keeps up.
    """

    __slots__ = (
        "_handed",
        "_is_direct",
        "_limit",
        "_mark",
        "_moved",
        "_owner",
        "_ping",
        "_pong",
        "_queue",
        "_replay",
        "_rest",
        "_skips",
        "_transport",
        "is_behind",
        "is_blocked",
        "is_open",
        "lag",
    )

    def __init__(
        self, transport: asyncio.Transport, owner: Owner, limit: int, *, skips: bool
    ) -> None:
        transport.set_write_buffer_limits(0)  # pause_writing as soon as a write is left over
        self.lag = 0
        self.is_blocked = False  # the transport has not taken all that it was given
        self.is_behind = False  # the lag is over half of the limit
        self.is_open = True  # takes batches
        self._transport = transport
        self._owner = owner
        self._limit = limit
        self._skips = skips
        self._is_direct = True  # nothing waits: a batch goes straight to the transport
        self._queue: deque[bytes] = deque()
        self._replay: deque[bytes] = deque()
        self._rest: memoryview | None = None  # of the batch being sent
        self._ping = b""
        self._pong = b""  # only the latest ping is answered (RFC 6455 §5.5.3)
        self._handed = 0  # bytes given to the transport
        self._moved: float | None = None  # when it was last seen to shrink; None: no backlog
        self._mark = 0  # `sent` at that time

    def deliver(self, data: bytes, count: int) -> None:
        """Send whole frames of `count` messages, or queue, skip or refuse them; never waits."""
        if self._is_direct:
            if len(data) <= CHUNK:
                self._handed += len(data)
                self._transport.write(data)  # may call `block`
            else:
                self._rest = memoryview(data)
                self._write()
        elif self.is_open:
            self._fall_behind(data, count)

    def replay(self, frames: list[bytes]) -> None:
        """Send history before everything that is delivered from now on."""
        self._replay.extend(frames)
        self._write()

    def pong(self, frame: bytes) -> None:
        """Answer a ping, at the next border between batches."""
        if self.is_open:
            self._pong = frame
            self._write()

    def ping(self, frame: bytes) -> None:
        """Ask for a sign of life, at the next border between batches."""
        if self.is_open:
            self._ping = frame
            self._write()

    def finish(self, frame: bytes, *, drop: bool) -> None:
        """Send a last frame behind the backlog, or (`drop`) behind the batch being sent."""
        self.is_open = False
        self._is_direct = False
        self._ping = self._pong = b""
        if drop:
            self._replay.clear()
            self._queue.clear()
            self._lag_is(0)
        self._queue.append(frame)
        self._lag_is(self.lag + len(frame))
        self._write()

    def block(self) -> None:
        """The transport holds something: `pause_writing`."""
        self.is_blocked = True
        self._is_direct = False

    def unblock(self) -> None:
        """The transport holds nothing: `resume_writing`."""
        self.is_blocked = False
        self._write()
        if not self.is_blocked:
            self._moved = None

    def has_stalled(self, now: float) -> bool:
        """Whether the client has taken nothing for `STALL` seconds.

        Only for a blocked outbox, and to be asked several times in such a span.
        """
        sent = self.sent()
        if self._moved is None or sent > self._mark:
            self._moved, self._mark = now, sent
        return now - self._moved >= STALL

    def unacknowledged(self) -> int:
        """Return how many bytes the kernel has not brought to the client yet.

        0 where it does not tell (tcp(7), SIOCOUTQ).
        """
        sock = self._transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return 0
        try:
            answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:
            return 0
        return int.from_bytes(answer, sys.byteorder)

    def abandon(self) -> None:
        """The transport is gone, and with it the backlog."""
        self.is_open = False
        self._is_direct = False
        self._rest = None
        self._replay.clear()
        self._queue.clear()

    def waiting(self) -> int:
        """Return how many bytes are not sent yet, those of the batch being sent included."""
        replay = sum(map(len, self._replay))
        return self.lag + replay + len(self._rest or b"") + self._transport.get_write_buffer_size()

    def sent(self) -> int:
        """Return how many bytes the client's side has acknowledged.

        That the kernel takes more is no measure: its buffer is megabytes, and it asks for more
        when a third of it is free, which a slow link needs many seconds for.
        """
        held = self._transport.get_write_buffer_size()
        return self._handed - held - self.unacknowledged()

    def _write(self) -> None:
        while not (self.is_blocked or self._transport.is_closing()):
            chunk = self._next()
            if not chunk:
                self._is_direct = self.is_open
                self._owner.emptied()
                return
            self._is_direct = False
            self._handed += len(chunk)
            self._transport.write(chunk)  # may call `block`

    def _next(self) -> bytes | memoryview:
        if self._rest:
            chunk, rest = self._rest[:CHUNK], self._rest[CHUNK:]
            self._rest = rest if rest else None
            return chunk
        if self._ping or self._pong:
            frames, self._ping, self._pong = self._ping + self._pong, b"", b""
            return frames
        if self._replay:
            data = _take_chunk(self._replay)
        elif self._queue:
            data = _take_chunk(self._queue)
            self._lag_is(self.lag - len(data))
        else:
            return b""
        if len(data) <= CHUNK:
            return data
        view = memoryview(data)
        self._rest = view[CHUNK:]
        return view[:CHUNK]

    def _fall_behind(self, data: bytes, count: int) -> None:
        if self._skips and self.lag >= min(SKIP_LAG, self._limit // 2):
            self._owner.skipped(count, len(data))
        elif self.lag > self._limit:
            self.is_open = False
            self._owner.overran(self.lag)
        else:
            self._queue.append(data)
            self._lag_is(self.lag + len(data))

    def _lag_is(self, lag: int) -> None:
        self.lag = lag
        if self.is_behind is not (lag * 2 > self._limit):
            self.is_behind = not self.is_behind
            if self.is_behind:
                self._owner.fell_behind()
            else:
                self._owner.caught_up()
