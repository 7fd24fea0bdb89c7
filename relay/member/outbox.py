"""What one client has still to be sent: its backlog, in whole entries, behind the one being sent.

The transport never holds more than one chunk. It would sum (3.12+) or copy (3.11) its buffer at
each write, for each member; here the backlog is references to entries that all members share, and
what is left out for this member is cut when it is written.
"""

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Final

from relay.account import Account
from relay.member.outbox_state import OutboxState
from relay.member.sending import CHUNK, COPY, Sending
from relay.member.stream import Stream
from relay.room.batch import SessionId
from relay.room.log import Entry
from relay.room.member import Delivered

CONTROL: Final = 16 * 1024  # bytes of pings and pongs that may wait
SKIP_LAG: Final = 64 * 1024  # bytes of backlog from which a client with lag=skip misses messages

# Python 3.11 takes long to find a member of an enum, for each delivery.
_TAKEN: Final = Delivered.TAKEN
_REST: Final = Delivered.REST


class Outbox:
    """Writes to one stream, in order and one chunk at a time.

    `lag` is the backlog in bytes: what waits behind the entry being sent. History that is replayed
    does not count. `limit` is how large it may be when an entry is added, so that one message is
    never too big for a client that keeps up. Messages of the session `excluded` are left out.
    """

    __slots__ = (
        "_control",
        "_handed",
        "_history",
        "_is_direct",
        "_last",
        "_limit",
        "_queue",
        "_skip",
        "_skips",
        "_stream",
        "excluded",
        "is_blocked",
        "is_open",
        "lag",
        "sending",
        "skipped",
    )

    def __init__(
        self,
        stream: Stream,
        excluded: SessionId | None,
        limit: int,
        account: Account,
        *,
        skips: bool,
        state: OutboxState | None = None,
    ) -> None:
        self.excluded = excluded
        self.lag = 0
        self.skipped = 0  # messages left out, on this relay
        self.is_blocked = False  # the stream has not taken all that it was given
        self.is_open = True  # takes entries
        self._stream = stream
        self._limit: float = limit
        self._skips = skips
        self._is_direct = True  # nothing waits: an entry goes straight to the stream
        self._queue: deque[Entry] = deque()
        self._history = self._skip = 0
        self.sending = Sending(account)
        self._control = b""
        self._last: bytes | None = None
        self._handed = 0  # bytes given to the stream
        if state is not None:
            self._restore(state)

    def snapshot(self) -> OutboxState:
        return OutboxState(
            tuple(self._queue),
            self._history,
            self._skip,
            self.sending.what,
            self.sending.skipped,
            self.unsent,
            self._control,
            self._last,
            self.is_open,
            self.taken,
        )

    def deliver(self, entry: Entry) -> Delivered:
        """Send the entry, or queue, skip or refuse it; never waits."""
        if not self._is_direct:
            return self._fall_behind(entry) if self.is_open else Delivered.GONE
        batch = entry.batch
        if self.excluded in batch.own:
            data, most, outcome = batch.without(self.excluded), self.sending.most, _REST
        else:
            data, most, outcome = batch.data, CHUNK, _TAKEN
        size = len(data)
        if size > most:
            self._begin((entry,), 0, data)
            self._write()
        elif size:
            self._handed += size
            self._stream.write(data)  # may call `block`
            if self.is_blocked:
                self.sending.note(entry, size, is_copy=data is not batch.data)
        return outcome

    def send(self, data: bytes) -> None:
        """Send bytes of no entry before everything else, at the start."""
        self._begin(data, 0, data)
        self._write()

    def replay(self, entries: Sequence[Entry], skip: int) -> None:
        """Send history, without its first `skip` messages, before what is delivered from now on."""
        self._queue.extend(entries)
        self._history, self._skip = len(entries), skip
        self._write()

    def control(self, frames: Sequence[bytes]) -> None:
        """Send pings or pongs at the next border between entries; beyond a limit only the last."""
        if self.is_open:
            waiting = self._control + b"".join(frames)
            self._control = waiting if len(waiting) <= CONTROL else frames[-1]
            self._write()

    def start(self) -> None:
        """Go on where the state that it was built from left off."""
        self._write()

    def lift_limit(self) -> None:
        """Its client is leaving, and gets all that is on its way, however much that is."""
        self._limit = inf

    def finish(self, frame: bytes, *, drop: bool) -> None:
        """Send a last frame behind the backlog, or (`drop`) behind what is being sent."""
        self.is_open = self._is_direct = False
        self._control = b""
        if drop:
            self._clear()
        self._last = frame
        self._write()

    def block(self) -> None:
        """The stream holds something."""
        self.is_blocked = True
        self._is_direct = False

    def unblock(self) -> None:
        """The stream holds nothing."""
        self.is_blocked = False
        self.sending.go_on()
        self._write()

    def abandon(self) -> None:
        """The stream is gone, and with it the backlog."""
        self.is_open = self._is_direct = False
        self._last, self._control = None, b""
        self.sending.end()
        self._clear()

    @property
    def is_behind(self) -> bool:
        """Whether the lag is over half of the limit."""
        return self.lag * 2 > self._limit

    @property
    def is_empty(self) -> bool:
        """Whether everything has been handed to the stream, and the stream holds nothing."""
        waits = self._queue or self._last or self.sending.left or self._control
        return not (self.is_blocked or waits)

    def entries(self) -> Sequence[Entry]:
        """Return all entries that it refers to, in their order."""
        sending = self.sending.what
        return (*(() if isinstance(sending, bytes) else sending), *self._queue)

    def advance(self, taken: int) -> None:
        """The kernel has taken this many bytes in all; nothing waits."""
        self._handed = taken

    def waiting(self) -> int:
        """Return how many bytes are not sent yet, those of the entry being sent included."""
        history = sum(self._queue[index].batch.size for index in range(self._history))
        return self.lag + history + self.unsent

    @property
    def unsent(self) -> int:
        """Bytes of what is being sent that the kernel has not taken."""
        return self.sending.left + self._stream.get_write_buffer_size()

    @property
    def taken(self) -> int:
        """Bytes that the kernel has taken, in all."""
        return self._handed - self._stream.get_write_buffer_size()

    def _fall_behind(self, entry: Entry) -> Delivered:
        size = self._size(entry)
        if not size:
            return Delivered.REST
        if self._skips and self.lag >= min(SKIP_LAG, self._limit // 2):
            self.skipped += entry.batch.count_without(self.excluded)[0]
            return Delivered.SKIPPED
        if self.lag > self._limit:
            self.is_open = False
            return Delivered.OVERRAN
        self._queue.append(entry)
        self.lag += size
        return Delivered.QUEUED

    def _write(self) -> None:
        while not (self.is_blocked or self._stream.is_closing()):
            if self.sending.left:
                self._hand_over()
            elif self._control:
                data, self._control = self._control, b""
                self._begin(data, 0, data)
            elif self._has_backlog():
                self._begin_queued()
            elif self._last is not None:
                data, self._last = self._last, None
                self._begin(data, 0, data)
            else:
                self.sending.end()
                self._is_direct = self.is_open
                return

    def _has_backlog(self) -> bool:
        return bool(self._queue)

    def _begin_queued(self, end: float = inf) -> None:
        """Begin with the front of the backlog before the offset `end`: several entries, or one."""
        queue, skipped, self._skip = self._queue, self._skip, 0
        entries: list[Entry] = []
        size = 0
        while queue and queue[0].offset < end:
            if entries and size + queue[0].batch.size > COPY:
                break
            entry = queue.popleft()
            entries.append(entry)
            size += entry.batch.size
            if self._history:
                self._history -= 1
            else:
                self.lag -= self._size(entry)
        sending = tuple(entries)
        self._begin(sending, skipped, self._join(sending, skipped))

    def _join(self, entries: Sequence[Entry], skipped: int) -> bytes:
        """Return what the entries hold for this client."""
        pieces = [self._render(entries[0], skipped)]
        pieces += [self._render(entry, 0) for entry in entries[1:]]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _render(self, entry: Entry, skipped: int) -> bytes:
        """Return what the entry holds for this client, without so many messages."""
        batch = entry.batch
        return batch.behind(self.excluded, skipped) if skipped else batch.without(self.excluded)

    def _size(self, entry: Entry) -> int:
        """Return how many bytes of backlog the entry is for this client."""
        return entry.batch.count_without(self.excluded)[1]

    def _begin(self, sending: tuple[Entry, ...] | bytes, skipped: int, data: bytes) -> None:
        """`data` comes next; remember what it is made of while any of it is left."""
        self._is_direct = False
        self.sending.begin(sending, skipped, data)
        if len(sending) == 1 and not isinstance(sending, bytes):
            self.sending.is_copy = data is not sending[0].batch.data

    def _hand_over(self) -> None:
        chunk = self.sending.take(self._join)
        self._handed += len(chunk)
        self._stream.write(chunk)  # may call `block`
        if self.is_blocked:
            self.sending.wait(len(chunk))

    def _clear(self) -> None:
        self._queue.clear()
        self._history = self._skip = self.lag = 0

    def _restore(self, state: OutboxState) -> None:
        self._queue.extend(state.queue)
        self._history, self._skip = state.history, state.skip
        for entry in tuple(state.queue)[state.history :]:
            self.lag += self._size(entry)
        self._control, self._last = state.control, state.last
        self.is_open, self._handed = state.is_open, state.taken
        if state.unsent:
            self.sending.restore(state.sending, state.sending_skip, state.unsent)
        self._is_direct = False
