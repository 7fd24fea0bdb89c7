"""One open WebSocket: a non-blocking socket and two watchers in gevent's loop.

Reading and writing need no greenlet and no thread: what arrives is parsed in the loop's callback,
and what the kernel does not take at once waits here until the socket is writable.
"""

from collections.abc import Callable
from enum import Enum
from ssl import SSLWantReadError, SSLWantWriteError
from struct import pack, unpack

from aiohttp import WSMessage, WSMsgType
from aiohttp.http import WebSocketReader
from gevent import get_hub, sleep
from gevent.event import Event

from wsload.client.clock import now
from wsload.client.closes import LOST, NO_CODE, PROTOCOL_ERROR, Close, Side
from wsload.client.feed import Feed, Traffic
from wsload.client.frames import close_frame, frame
from wsload.client.handshake import Opened

_READ, _WRITE = 1, 2
# One read's worth: small enough that the pacer gets its turn, large enough to be cheap.
_CHUNK = 64 * 1024
_RECORD = 16 * 1024  # bytes of a TLS record at most: a read gives no more than one of them
_LARGEST_MESSAGE = 64 * 1024 * 1024
_CLOSE_TIMEOUT = 2.0  # seconds that the server has to answer our close frame
_PING_SIZE = 8  # bytes: when it was sent
_LONGEST_ROUND_TRIP = 600.0  # seconds
_NOT_NOW = (BlockingIOError, SSLWantReadError, SSLWantWriteError)


class State(Enum):
    """Of a connection; it only ever moves down this list."""

    OPEN = "open"
    CLOSING = "closing"  # our close frame is out, the server's is awaited
    CLOSED = "closed"


class Connection:
    """`closed` is set once it is over, and `close_seen` says how."""

    __slots__ = (
        "_after_chunk", "_closing_with", "_full", "_outbox", "_parse", "_reads", "_socket",
        "_traffic", "_writes", "behind", "close_seen", "closed", "compressed", "ended", "feed",
        "on_round_trip", "on_unblocked", "state", "unblocked",
    )  # fmt: skip

    def __init__(
        self,
        opened: Opened,
        make_feed: Callable[[Callable[[WSMessage], None]], Feed],
        traffic: Traffic,
        after_chunk: Callable[[float], None],
    ) -> None:
        """`make_feed` gets the handler for control frames; `after_chunk` gets the time of each
        read when it has been taken in."""
        sock = opened.sock
        sock.settimeout(0)
        self._socket = sock
        self._full = _RECORD if hasattr(sock, "pending") else _CHUNK  # bytes that a read may give
        self.compressed = opened.compressed
        """Whether messages may be sent compressed (`frames.deflated`)."""
        self._traffic = traffic
        self.feed = make_feed(self._control)
        parser = WebSocketReader(
            self.feed, _LARGEST_MESSAGE, compress=opened.compressed, decode_text=False
        )
        self._parse = parser.feed_data
        self._after_chunk = after_chunk
        loop = get_hub().loop
        self._reads = loop.io(sock.fileno(), _READ)
        self._writes = loop.io(sock.fileno(), _WRITE)
        # What the kernel has not taken, oldest first, and whether each may still be withdrawn.
        # A list, because it is nearly always empty, and an empty deque takes ten times the memory.
        self._outbox: list[tuple[bytes, bool]] = []
        self.unblocked = 0.0
        """When the server last made room for what had been waiting; 0: it never had to wait."""
        self.on_unblocked: Callable[[], None] | None = None
        """Told when it has; none: nobody waits for it."""
        self.state = State.OPEN
        self._closing_with = NO_CODE
        self.close_seen: Close | None = None
        self.ended = 0.0
        """When it was over; 0: it is not."""
        self.closed = Event()
        self.behind = 0.0
        """When a read last took all that it may: there was more to read; 0: never."""
        self.on_round_trip: Callable[[float], None] | None = None
        """Told of the seconds from each `ping` to its pong; none: nobody wants to know."""

    def start(self, leftover: bytes) -> None:
        """Begin to read; `leftover` came behind the handshake."""
        if leftover:
            self._take(leftover)
        if self.state is State.OPEN:
            self._reads.start(self._read)

    @property
    def blocked(self) -> bool:
        """The server does not read what we send: TCP's buffers are full."""
        return bool(self._outbox)

    def write(self, frames: list[bytes], *, withdrawable: bool = False) -> None:
        """Send whole data frames, now or as soon as the server reads again. `withdrawable`: those
        that have not begun to leave can be taken back (`withdraw`)."""
        if self.state is State.OPEN:
            self._traffic.sent_bytes += sum(map(len, frames))
            self._write(frames, withdrawable=withdrawable)

    def ping(self) -> None:
        """Send a ping; `on_round_trip` is told what it took."""
        if self.state is State.OPEN:
            self._write([frame(WSMsgType.PING, pack("<d", now()))])

    def _pong(self, data: bytes) -> None:
        if len(data) == _PING_SIZE and self.on_round_trip is not None:
            (sent,) = unpack("<d", data)
            if 0 <= now() - sent < _LONGEST_ROUND_TRIP:  # else nobody asked (RFC 6455 §5.5.3)
                self.on_round_trip(now() - sent)

    def withdraw(self) -> int:
        """Take back the frames that were written as `withdrawable` and have not begun to leave,
        also of a connection that is over. Returns how many."""
        kept = [entry for entry in self._outbox if not entry[1]]
        withdrawn = len(self._outbox) - len(kept)
        self._outbox = kept
        return withdrawn

    def shut(self, code: int = 1000) -> None:
        """Close from our side and wait for the server's answer, not for long."""
        if self.state is State.OPEN:
            self.state = State.CLOSING
            self._closing_with = code
            self._write([close_frame(code)])
            self._reads.start(self._read)  # again, where reading was stopped
            self.closed.wait(_CLOSE_TIMEOUT)
        self._finish(Close(Side.US, code))

    def read_slowly(self, bytes_per_second: int) -> None:
        """Read at most this fast from now on; 0: not at all. For members that lag."""
        self._reads.stop()
        while bytes_per_second and self.state is State.OPEN:
            sleep(0.1)
            if self.state is State.OPEN:
                self._read(max(bytes_per_second // 10, 1))
        self.closed.wait()

    def _read(self, size: int = _CHUNK) -> None:
        """Take in what has arrived; the loop calls this for every connection that has something."""
        try:
            chunk = self._socket.recv(size)
        except _NOT_NOW:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._take(chunk)
            if len(chunk) >= self._full:
                self.behind = self.feed.arrived
        else:
            side = Side.US if self.state is State.CLOSING else Side.SERVER
            self._finish(Close(side, LOST))

    def _take(self, chunk: bytes) -> None:
        self._traffic.received_bytes += len(chunk)
        self.feed.arrived = arrived = now()
        failed, _ = self._parse(chunk)
        if failed:
            self._finish(Close(Side.SERVER, PROTOCOL_ERROR, str(self.feed.exception())))
        self._after_chunk(arrived)

    def _control(self, message: WSMessage) -> None:
        if message.type is WSMsgType.PING:
            if self.state is State.OPEN:
                self._write([frame(WSMsgType.PONG, message.data)])
        elif message.type is WSMsgType.PONG:
            self._pong(message.data)
        elif message.type is WSMsgType.CLOSE:
            if self.state is State.OPEN:
                self._write([close_frame(message.data or 1000)])
                self._finish(Close(Side.SERVER, message.data or NO_CODE, message.extra or ""))
            else:
                # The server repeats our code, unless it had closed already when ours arrived.
                code = message.data or NO_CODE
                side = Side.US if code in (self._closing_with, NO_CODE) else Side.SERVER
                self._finish(Close(side, code, message.extra or ""))

    def _write(self, frames: list[bytes], *, withdrawable: bool = False) -> None:
        if self._outbox:
            self._outbox.extend((entry, withdrawable) for entry in frames)
            return
        whole = frames[0] if len(frames) == 1 else b"".join(frames)
        taken = self._send(whole)
        if taken == len(whole):
            return
        for entry in frames:
            if taken >= len(entry):
                taken -= len(entry)
            elif taken:
                self._outbox.append((entry[taken:], False))
                taken = 0
            else:
                self._outbox.append((entry, withdrawable))
        if self.state is not State.CLOSED:
            self._writes.start(self._writable)

    def _send(self, data: bytes) -> int:
        """How many bytes the kernel took."""
        try:
            return int(self._socket.send(data))
        except _NOT_NOW:
            return 0
        except OSError:
            # The reader learns why: it may still find the server's close frame.
            return len(data)

    def _writable(self) -> None:
        while self._outbox:
            entry, _ = self._outbox[0]
            taken = self._send(entry)
            if taken < len(entry):
                self._outbox[0] = (entry[taken:], False) if taken else self._outbox[0]
                return
            del self._outbox[0]
        self._writes.stop()
        self.unblocked = now()
        if self.on_unblocked is not None:
            self.on_unblocked()

    def _finish(self, close: Close) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.close_seen = close
        self.ended = now()
        for watcher in (self._reads, self._writes):
            watcher.stop()
            watcher.close()
        self._socket.close()
        self.closed.set()
