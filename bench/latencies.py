"""Latencies as counts per bucket of 10 µs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BUCKET: Final = 10  # microseconds
_BUCKETS: Final = 3_000_000  # 30 s; the last one holds everything later


class Latencies:
    """How many deliveries were how late."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BUCKETS, np.int64)

    def add(self, microseconds: NDArray[np.int64]) -> None:
        """Count an array of latencies that is not empty."""
        buckets = np.clip(microseconds // _BUCKET, 0, _BUCKETS - 1)
        lowest = int(buckets.min())  # from there on: late ones would need a long array of zeros
        counts = np.bincount(buckets - lowest)
        self._counts[lowest : lowest + len(counts)] += counts

    def percentile(self, share: float) -> float:
        """Return in milliseconds what a `share` of all, 0 to 1, did not exceed: the upper edge of a
        bucket, so it never flatters; 0 without any."""
        steps = np.cumsum(self._counts)
        if not steps[-1]:
            return 0.0
        return float(np.searchsorted(steps, share * steps[-1]) + 1) * _BUCKET / 1000
