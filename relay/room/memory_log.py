"""The embedded log: in this process, immediate, bounded by size, age and a budget for all rooms."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from relay.room.batch import Batch
from relay.room.log import Deliver
from relay.wire.frames import skip

# What there is beside the frames, in bytes, so that many tiny messages and rooms count too.
_OVERHEAD: Final = 200  # for an entry
_ROOM: Final = 3000  # for a room that holds any


class _Entry(NamedTuple):
    data: bytes
    messages: int
    time: float  # seconds, of the log's clock

    @property
    def cost(self) -> int:
        return len(self.data) + _OVERHEAD


class Budget:
    """What all logs of the relay may hold together, in bytes.

    When it is spent, the room that has been quiet for longest loses its oldest batch first.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._quiet: dict[MemoryLog, None] = {}  # in the order of their latest append

    def take(self, log: "MemoryLog", size: int) -> None:
        self.used += size
        self._quiet.pop(log, None)
        self._quiet[log] = None
        while self.used > self.limit:
            next(iter(self._quiet)).evict()

    def give_back(self, log: "MemoryLog", size: int) -> None:
        self.used -= size
        if log.is_empty:
            self._quiet.pop(log, None)


class MemoryLog:
    """A room's log in memory. A `size` (bytes) or `age` (seconds) of zero keeps nothing."""

    def __init__(
        self,
        deliver: Deliver,
        size: int,
        age: float,
        budget: Budget,
        clock: Callable[[], float],
    ) -> None:
        self._deliver = deliver
        self._limit = size if age else 0
        self._age = age
        self._budget = budget
        self._clock = clock
        self._entries: deque[_Entry] = deque()
        self._size = 0
        self._offset = 0

    def append(self, batch: Batch) -> None:
        self._offset += 1
        if self._limit:
            self._keep(batch)
        self._deliver(self._offset, batch)

    def last(self, count: int) -> list[bytes]:
        self.expire()
        frames: list[bytes] = []
        for entry in reversed(self._entries):
            if count <= 0:
                break
            frames.append(skip(entry.data, max(0, entry.messages - count)))
            count -= entry.messages
        frames.reverse()
        return frames

    def expire(self) -> None:
        oldest = self._clock() - self._age
        while self._entries and self._entries[0].time < oldest:
            self.evict()

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def evict(self) -> None:
        """Drop the oldest batch."""
        cost = self._entries.popleft().cost
        self._size -= cost
        self._budget.give_back(self, cost if self._entries else cost + _ROOM)

    def _keep(self, batch: Batch) -> None:
        entry = _Entry(batch.data, batch.messages, self._clock())
        is_first = not self._entries
        self._entries.append(entry)
        self._size += entry.cost
        self._budget.take(self, entry.cost + _ROOM if is_first else entry.cost)
        while self._size > self._limit:
            self.evict()
