"""The embedded log: in this process, immediate, bounded by size, age and a budget for all rooms."""

import secrets
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Final

from relay.room.batch import Batch
from relay.room.log import Entry, LogState, OnEntry

# What there is beside the frames, in bytes, so that many tiny messages and rooms count too.
_OVERHEAD: Final = 200  # for an entry
_ROOM: Final = 3000  # for a room that holds any


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


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a log keeps entries; a `size` (bytes) or `age` (seconds) of zero keeps nothing."""

    size: int
    age: float
    budget: Budget
    clock: Callable[[], float]  # seconds since 1970, by a clock that only moves on


class MemoryLog:
    """A room's log in memory; a new one unless it goes on from a `state`."""

    available: Final = True

    def __init__(
        self, on_entry: OnEntry, retention: Retention, state: LogState | None = None
    ) -> None:
        self._on_entry = on_entry
        self._retention = retention
        self._limit = retention.size if retention.age else 0
        self._entries: deque[Entry] = deque()
        self._size = 0
        self.epoch = secrets.token_hex(6)
        self.head = 0
        self.trimmed = 0
        if state is not None:
            self.epoch, self.head, self.trimmed = state.epoch, state.head, state.trimmed
            for entry in state.entries:
                self._keep(entry)

    def snapshot(self) -> LogState:
        return LogState(self.epoch, self.head, tuple(self._entries), self.trimmed)

    def append(self, batch: Batch) -> None:
        self.head += 1
        entry = Entry(self.head, int(self._retention.clock() * 1000), batch)
        if batch.messages:  # who has come and gone is asked of the room, and never replayed
            if self._limit:
                self._keep(entry)
            else:
                self.trimmed = self.head
        self._on_entry(entry)

    def read(self, after: int) -> Sequence[Entry]:
        self.expire()
        if not self._entries:
            return ()
        if after >= self._entries[-1].offset:  # the common case of one who comes back
            return ()
        start = bisect_right(self._entries, after, key=attrgetter("offset"))
        return tuple(islice(self._entries, start, None))

    def expire(self) -> None:
        oldest = int((self._retention.clock() - self._retention.age) * 1000)
        while self._entries and self._entries[0].at < oldest:
            self.evict()

    def close(self) -> None:
        while self._entries:
            self.evict()

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def evict(self) -> None:
        """Drop the oldest entry."""
        oldest = self._entries.popleft()
        self.trimmed = oldest.offset
        cost = _cost(oldest)
        self._size -= cost
        self._retention.budget.give_back(self, cost if self._entries else cost + _ROOM)

    def _keep(self, entry: Entry) -> None:
        is_first = not self._entries
        self._entries.append(entry)
        cost = _cost(entry)
        self._size += cost
        self._retention.budget.take(self, cost + _ROOM if is_first else cost)
        while self._size > self._limit:
            self.evict()


def _cost(entry: Entry) -> int:
    return len(entry.batch.data) + _OVERHEAD
