"""When memory is short: by the account of what is held, and by what the process uses as a backstop.

What the process uses is no measure by itself: the allocator keeps what it once had. So it is asked
to give that back before its figure counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from relay import process_memory

HELD: Final = 3  # one third of what the process may use is what may be held in all
_FULL: Final = 0.8  # of what it may use, from which the relay takes no new work
_SPENT: Final = 1.2  # of what may be held: it did not help that those who hold most had to go
_KEPT: Final = 64 * 1024**2  # bytes: what the allocator may keep
_TRIM: Final = 10.0  # seconds between two times that it is asked


@dataclass(slots=True)
class Memory:
    """What the process may use (`limit`) and what may be held of it (`held_limit`), in bytes."""

    limit: int
    held_limit: int
    resident: Callable[[], int] = process_memory.resident
    trim: Callable[[], None] = process_memory.trim
    _least: int = 0  # bytes used when it was last asked to give back
    _trimmed_at: float = -_TRIM

    def is_short(self, held: int, now: float) -> bool:
        """Whether the relay takes no new work while so much is held; `now` in seconds."""
        used = self.resident()
        is_quiet = held < self.held_limit // 4
        wants_trim = used > self.limit * _FULL or (is_quiet and used > self._least + _KEPT)
        if wants_trim and now - self._trimmed_at >= _TRIM:
            self.trim()
            self._least = used = self.resident()
            self._trimmed_at = now
        return held > self.held_limit * _SPENT or used > self.limit * _FULL
