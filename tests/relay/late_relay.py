"""The relay with a log that answers after 0 to 50 ms, in order: `make late-log-test`.

A log on another machine answers later. Everything that clients see has to be the same.
"""

import asyncio
import random
import sys
from collections import deque
from collections.abc import Sequence

from relay.__main__ import main
from relay.room.batch import MAX_BATCH, Batch
from relay.room.log import Entry, LogState, OnEntry
from relay.room.memory_log import MemoryLog
from relay.room.tail import Retention

_LATEST = 0.05  # seconds


class LateLog:
    """A memory log that takes its time."""

    available = True
    is_shared = False
    most = MAX_BATCH
    first_number = 0

    def __init__(
        self, on_entry: OnEntry, retention: Retention, state: LogState | None = None
    ) -> None:
        self._inner = MemoryLog(on_entry, retention, state)
        self._loop = asyncio.get_running_loop()
        self._due = 0.0  # when the last batch is handed back
        self._waiting: deque[Batch] = deque()

    def append(self, batch: Batch) -> None:
        now = self._loop.time()
        self._due = max(self._due, now + random.uniform(0, _LATEST))
        self._waiting.append(batch)
        self._loop.call_at(self._due, self._answer)

    def _answer(self) -> None:
        self._inner.append(self._waiting.popleft())

    @property
    def epoch(self) -> str:
        return self._inner.epoch

    @property
    def head(self) -> int:
        return self._inner.head

    @property
    def trimmed(self) -> int:
        return self._inner.trimmed

    @property
    def is_empty(self) -> bool:
        return self._inner.is_empty and not self._waiting

    def read(self, after: int) -> Sequence[Entry]:
        return self._inner.read(after)

    def snapshot(self) -> LogState:
        return self._inner.snapshot()

    def expire(self) -> None:
        self._inner.expire()

    def close(self) -> None:
        self._inner.close()


if __name__ == "__main__":
    sys.exit(main(new_log=LateLog))
