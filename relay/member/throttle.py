"""Rate limits: who sends faster is read more slowly (rule 3), and never cut off."""

from typing import Final

BURST: Final = 1.0  # seconds by which a client may be ahead of its rates

Due = tuple[float, float]
"""When all that came would have come at the rates, messages and bytes, in seconds of one clock."""


class Throttle:
    """Counts what one client sends; a rate (messages or bytes a second) of 0 is no limit."""

    __slots__ = ("_byte_cost", "_byte_due", "_message_cost", "_message_due")

    def __init__(self, message_rate: int, byte_rate: int, due: Due) -> None:
        self._message_cost = 1 / message_rate if message_rate else 0.0  # seconds each
        self._byte_cost = 1 / byte_rate if byte_rate else 0.0
        self._message_due, self._byte_due = due

    @property
    def due(self) -> Due:
        return self._message_due, self._byte_due

    @property
    def until(self) -> float:
        """From when on more may be read."""
        return max(self._message_due, self._byte_due) - BURST

    def take(self, messages: int, size: int, now: float) -> float:
        """Count messages and bytes that have come; return from when on more may be read."""
        self._message_due = max(self._message_due, now) + messages * self._message_cost
        self._byte_due = max(self._byte_due, now) + size * self._byte_cost
        return self.until
