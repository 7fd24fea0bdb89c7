"""Latencies as counts per bucket: 0.1 ms wide below 10 ms, then 1 % wide.

The hot path counts whole ticks of 0.1 ms in a plain dict (one increment per message); once a second
they are folded into a `Histogram`. Histograms merge by adding, over seconds and over processes.
"""

from collections.abc import Iterable, Mapping
from math import floor, log
from typing import Self

TICKS_PER_SECOND = 10_000
_TICK_MS = 0.1
_LINEAR = 100  # buckets of one tick each, up to 10 ms
_GROWTH = log(1.01)


def bucket_of(tick: int) -> int:
    """The bucket that counts `tick` (a latency in units of 0.1 ms, rounded down)."""
    if tick < _LINEAR:
        return max(tick, 0)
    return _LINEAR + floor(log(tick / _LINEAR) / _GROWTH + 1e-9)


def upper_edge(bucket: int) -> float:
    """Milliseconds that no latency in `bucket` reaches."""
    if bucket < _LINEAR:
        return round((bucket + 1) * _TICK_MS, 1)
    return float(_LINEAR * _TICK_MS * 1.01 ** (bucket - _LINEAR + 1))


class Histogram:
    """Counts of latencies; percentiles are upper edges of buckets, so never flattering."""

    __slots__ = ("_sum", "_top", "count", "counts")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self._sum = 0  # of ticks
        self._top = -1  # highest tick, -1 while empty

    def add_ticks(self, ticks: Mapping[int, int]) -> None:
        """Add what the hot path counted; a negative tick (clocks that disagree) counts as zero."""
        counts = self.counts
        for tick, count in ticks.items():
            bucket = bucket_of(tick)
            counts[bucket] = counts.get(bucket, 0) + count
            self.count += count
            self._sum += max(tick, 0) * count
            self._top = max(self._top, tick, 0)

    def merge(self, other: "Histogram") -> None:
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.count += other.count
        self._sum += other._sum
        self._top = max(self._top, other._top)

    def without(self, part: "Histogram") -> "Histogram":
        """What remains when `part`, which was counted here as well, is taken out. Its maximum is
        known as exactly as the buckets are."""
        rest = Histogram()
        for bucket, count in self.counts.items():
            if left := count - part.counts.get(bucket, 0):
                rest.counts[bucket] = left
        rest.count = self.count - part.count
        rest._sum = self._sum - part._sum
        highest = max(rest.counts, default=-1)
        if highest == bucket_of(self._top):
            rest._top = self._top
        elif highest >= 0:
            rest._top = int(upper_edge(highest) / _TICK_MS) if highest >= _LINEAR else highest
        return rest

    @property
    def mean(self) -> float:
        """Milliseconds; 0 while empty."""
        return (self._sum / self.count + 0.5) * _TICK_MS if self.count else 0.0

    @property
    def max(self) -> float:
        """Milliseconds, to 0.1 ms; 0 while empty."""
        return round((self._top + 1) * _TICK_MS, 1)

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` (0 to 1) of all latencies stay; 0 while empty."""
        wanted = share * self.count
        reached = 0
        for bucket in sorted(self.counts):
            reached += self.counts[bucket]
            if reached >= wanted:
                return min(upper_edge(bucket), self.max)
        return 0.0

    def above(self, milliseconds: float) -> int:
        """How many latencies lie in buckets that begin at or after `milliseconds`."""
        return sum(
            count
            for bucket, count in self.counts.items()
            if bucket and upper_edge(bucket - 1) >= milliseconds
        )

    def rows(self) -> Iterable[tuple[float, int]]:
        """(upper edge in ms, count) of every bucket that has any, ascending."""
        return ((upper_edge(bucket), self.counts[bucket]) for bucket in sorted(self.counts))

    def export(self) -> list[object]:
        """What a worker sends to the master."""
        return [self.counts, self._sum, self._top]

    @classmethod
    def of(cls, exported: list[object]) -> Self:
        counts, total, top = exported
        assert isinstance(counts, dict)
        assert isinstance(total, int)
        assert isinstance(top, int)
        self = cls()
        self.counts = dict(counts)
        self.count = sum(counts.values())
        self._sum = total
        self._top = top
        return self
