"""Whether messages come one by one: then none has to wait for others to share its batch."""

from typing import Final

PAUSE: Final = 0.0003  # seconds without a message after which one comes alone


class Tempo:
    """How messages have come to one room; times are seconds of one clock."""

    __slots__ = ("_is_single", "_since")

    def __init__(self) -> None:
        self._is_single = False  # the last batch was one piece
        self._since = 0.0  # when it had been dealt with

    def note(self, pieces: int, now: float) -> None:
        """A batch of so many pieces has been dealt with."""
        self._is_single, self._since = pieces == 1, now

    def is_slow(self, now: float) -> bool:
        """Whether a message that comes now comes alone, as the one before did."""
        return self._is_single and now - self._since > PAUSE
