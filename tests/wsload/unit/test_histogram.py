"""Buckets, percentiles and merging, against the numbers themselves."""

from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsload.account.histogram import Histogram, bucket_of, upper_edge

_TICKS = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=200)


def _of(ticks: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.add_ticks(Counter(ticks))
    return histogram


@pytest.mark.parametrize(("tick", "edge"), [(0, 0.1), (1, 0.2), (42, 4.3), (99, 10.0)])
def test_buckets_are_a_tenth_of_a_millisecond_below_ten(tick: int, edge: float) -> None:
    assert upper_edge(bucket_of(tick)) == edge


@given(st.integers(100, 100_000_000))
def test_buckets_are_one_percent_wide_above(tick: int) -> None:
    """The edge lies above the tick, and no further than one bucket and one tick."""
    edge = upper_edge(bucket_of(tick))
    assert tick / 10 < edge * 1.000001
    assert edge <= (tick + 1) / 10 * 1.0101


@given(_TICKS, st.sampled_from([0.01, 0.5, 0.95, 0.99, 0.999, 1.0]))
def test_percentiles_never_flatter(ticks: list[int], share: float) -> None:
    """At least the true percentile, at most one bucket more."""
    true = sorted(ticks)[max(ceil(share * len(ticks)) - 1, 0)] / 10
    assert true <= _of(ticks).percentile(share) <= (true + 0.1) * 1.0101 + 0.1


@given(_TICKS, _TICKS)
def test_merging_is_adding(first: list[int], second: list[int]) -> None:
    merged = _of(first)
    merged.merge(Histogram.of(_of(second).export()))
    both = _of(first + second)
    assert merged.counts == both.counts
    assert (merged.count, merged.mean, merged.max) == (both.count, both.mean, both.max)


def test_mean_and_maximum_know_more_than_the_buckets() -> None:
    histogram = _of([10_000, 10_001])
    assert histogram.max == 1000.2
    assert histogram.mean == pytest.approx(1000.1)


@given(_TICKS, _TICKS)
def test_what_is_taken_out_takes_its_maximum_along(kept: list[int], taken: list[int]) -> None:
    """The maximum of the rest never flatters, and is at most a bucket more."""
    rest = _of(kept + taken).without(_of(taken))
    assert rest.counts == _of(kept).counts
    true = (max(kept) + 1) / 10
    assert true - 0.01 <= rest.max <= true * 1.0101 + 0.2
    assert _of(taken).without(_of(taken)).max == 0


def test_an_empty_histogram_is_all_zero() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.mean, histogram.max, histogram.percentile(0.5)) == (0,) * 4


def test_clocks_that_disagree_count_as_zero() -> None:
    histogram = _of([-500, 3])
    assert list(histogram.rows()) == [(0.1, 1), (0.4, 1)]


def test_above_counts_whole_buckets() -> None:
    assert _of([9_000, 10_500, 20_000]).above(1000) == 2
