"""Whether a message comes on: one that never ends would be held for ever."""

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 60.0  # seconds in which a message has to end, or
LEAST: Final = 60_000  # bytes of it to come


@dataclass(slots=True)
class Pace:
    """Where a client stood in its message when it was last seen to come on.

    Times are seconds of one clock, given by whoever asks.
    """

    since: float
    published: int  # messages
    size: int  # bytes of the message that has not ended

    def is_met(self, now: float, published: int, size: int) -> bool:
        """Whether enough has come; to be asked several times in a window, while any is missing."""
        if published != self.published or not 0 <= size - self.size < LEAST:
            self.since, self.published, self.size = now, published, size
        return now - self.since < WINDOW
