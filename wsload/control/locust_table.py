"""Brings a second's counts into Locust's own tables and charts, by its own way of merging.

Locust's request event costs 10 microseconds, more than ten times what receiving a message costs; so
everything is added in bulk, with the call that a master uses for its workers' reports. Types show
the direction; `WS send` is how late messages leave, and counts in the sum without its time.
"""

from locust.stats import RequestStats, StatsEntry, StatsError

from wsload.account.histogram import Histogram
from wsload.client.clock import now
from wsload.run.recorder import Sample

CONNECT, SEND, RECEIVE, REQUEST = "WS connect", "WS send", "WS receive", "WS call"


def book(stats: RequestStats, samples: list[Sample]) -> None:
    """Add `samples` to `stats`."""
    for sample in samples:
        name, second = sample["scenario"], sample["second"]
        for method, exported, size, timed in (
            (CONNECT, sample["connected"], 0, True),
            (SEND, sample["sent"], sample["sent_bytes"], False),
            (RECEIVE, sample["received"], sample["received_bytes"], True),
        ):
            histogram = Histogram.of(exported)
            if histogram.count:
                entry = _entry(stats, name, method, histogram, size, second)
                stats.get(name, method).extend(entry)
                if not timed:
                    _forget_times(entry)
                stats.total.extend(entry)
        for request in sample["requests"]:
            answered = Histogram.of(request["answered"])
            if answered.count:
                entry = _entry(stats, request["name"], REQUEST, answered, 0, second)
                stats.get(request["name"], REQUEST).extend(entry)
                stats.total.extend(entry)
            for sentence, count in request["failed"].items():
                fail(stats, REQUEST, request["name"], sentence, count, failed_only=True)


def fail(
    stats: RequestStats, method: str, name: str, sentence: str, count: int, *,
    failed_only: bool = False,
) -> None:  # fmt: skip
    """Add `count` failures of one cause at once; `failed_only`: they are in no count yet."""
    second = int(now())
    for entry in (stats.get(name, method), stats.total):
        entry.num_failures += count
        if failed_only:
            entry.num_requests += count
            entry.num_none_requests += count
        entry.num_fail_per_sec[second] = entry.num_fail_per_sec.get(second, 0) + count
    key = StatsError.create_key(method, name, sentence)
    error = stats.errors.setdefault(key, StatsError(method, name, sentence))
    error.occurred()
    error.occurrences += count - 1


def others_failed(stats: RequestStats) -> int:
    """How many requests of users that are not ours have failed."""
    ours = {CONNECT, SEND, RECEIVE, REQUEST}
    return sum(each.occurrences for each in stats.errors.values() if each.method not in ours)


def rounded(milliseconds: float) -> float:
    """To 0.1 ms below 10 ms, to three digits above: as fine as the buckets are."""
    if milliseconds < 10:
        return round(milliseconds, 1)
    return round(milliseconds, 1) if milliseconds < 100 else float(f"{milliseconds:.3g}")


def _entry(
    stats: RequestStats, name: str, method: str, histogram: Histogram, size: int, second: int
) -> StatsEntry:
    entry = StatsEntry(stats, name, method)
    entry.start_time = second
    entry.last_request_timestamp = second + 1.0
    entry.num_requests = histogram.count
    entry.num_reqs_per_sec[second] = histogram.count
    entry.total_content_length = size
    # Locust declares whole milliseconds and computes with whatever it gets.
    times: dict[float, int] = entry.response_times  # type: ignore[assignment]
    for edge, count in histogram.rows():
        times[rounded(edge)] = times.get(rounded(edge), 0) + count
    entry.total_response_time = histogram.mean * histogram.count  # type: ignore[assignment]
    entry.min_response_time = min(times)  # type: ignore[assignment]
    entry.max_response_time = histogram.max  # type: ignore[assignment]
    return entry


def _forget_times(entry: StatsEntry) -> None:
    entry.num_none_requests = entry.num_requests
    entry.response_times.clear()
    entry.total_response_time = 0
    entry.min_response_time = None
    entry.max_response_time = 0
