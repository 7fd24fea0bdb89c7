"""What a log keeps for newcomers: its latest entries, by size, age and a budget for all rooms."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Final

from relay.room.log import Entry

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
        self._quiet: dict[Tail, None] = {}  # in the order of their latest append

    def take(self, log: "Tail", size: int) -> None:
        self.used += size
        self._quiet.pop(log, None)
        self._quiet[log] = None
        while self.used > self.limit:
            next(iter(self._quiet)).evict()

    def give_back(self, log: "Tail", size: int) -> None:
        self.used -= size
        if not log.entries:
            self._quiet.pop(log, None)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a log keeps entries; a `size` (bytes) or `age` (seconds) of zero keeps nothing."""

    size: int
    age: float
    budget: Budget
    clock: Callable[[], float]  # seconds since 1970, by a clock that only moves on


class Tail:
    """The latest `entries` of a log that hold messages; `trimmed` is where they begin.

    Who has come and gone is asked of the room, and never replayed.
    """

    def __init__(self, retention: Retention) -> None:
        self.entries: deque[Entry] = deque()
        self.trimmed = 0
        self._retention = retention
        self._limit = retention.size if retention.age else 0
        self._size = 0

    def read(self, after: int) -> Sequence[Entry]:
        self.expire()
        if not self.entries:
            return ()
        if after >= self.entries[-1].offset:  # the common case of one who comes back
            return ()
        start = bisect_right(self.entries, after, key=attrgetter("offset"))
        return tuple(islice(self.entries, start, None))

    def expire(self) -> None:
        oldest = int((self._retention.clock() - self._retention.age) * 1000)
        while self.entries and self.entries[0].at < oldest:
            self.evict()

    def close(self) -> None:
        while self.entries:
            self.evict()

    def evict(self) -> None:
        """Drop the oldest entry."""
        oldest = self.entries.popleft()
        self.trimmed = oldest.offset
        cost = _cost(oldest)
        self._size -= cost
        self._retention.budget.give_back(self, cost if self.entries else cost + _ROOM)

    def keep_all(self, entries: Sequence[Entry]) -> None:
        """Keep the entries that another log has kept, the first of this one."""
        if not self._limit or not entries:
            self.trimmed = entries[-1].offset if entries else self.trimmed
            return
        self.entries.extend(entries)
        self._size = sum(map(_cost, entries))
        self._retention.budget.take(self, self._size + _ROOM)
        while self._size > self._limit:
            self.evict()

    def keep(self, entry: Entry) -> None:
        """Keep an entry that holds messages, if it keeps any."""
        if not self._limit:
            self.trimmed = entry.offset
            return
        is_first = not self.entries
        self.entries.append(entry)
        cost = _cost(entry)
        self._size += cost
        self._retention.budget.take(self, cost + _ROOM if is_first else cost)
        while self._size > self._limit:
            self.evict()


def _cost(entry: Entry) -> int:
    return len(entry.batch.data) + _OVERHEAD
