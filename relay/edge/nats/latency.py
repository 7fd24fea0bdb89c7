"""How long appends take."""

from collections import deque
from typing import Final

_KEPT: Final = 512  # appends


class Latency:
    """Seconds from append to entry: `count` and `total` of all, quantiles of the last 512."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self._latest: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self._latest.append(seconds)

    def quantile(self, share: float) -> float:
        """Return what this share of the last appends did not exceed; 0 before the first."""
        latest = sorted(self._latest)
        return latest[min(int(share * len(latest)), len(latest) - 1)] if latest else 0.0
