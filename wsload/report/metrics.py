"""The numbers of a result, by the names that can be required."""

from wsload.account.histogram import Histogram
from wsload.report.outcome import Outcome

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def metrics_of(outcome: Outcome) -> dict[str, float]:
    """Milliseconds, messages, connections; nothing where nothing was measured."""
    series, audit = outcome.series, outcome.audit
    metrics: dict[str, float] = {
        "sent": audit.sent,
        "delivered": audit.delivered,
        "owed": audit.owed,
        "lost": audit.lost,
        "unread": audit.unread,
        "repeated": audit.repeated,
        "reordered": audit.reordered,
        "leaked": audit.leaked,
        "corrupted": audit.corrupted,
        "truncated": audit.truncated,
        "unexpected": audit.unexpected,
        "foreign": audit.foreign,
        "refused": outcome.failed.total(),
        "closed": outcome.closed.total(),
    }
    requests = Histogram()
    failures = 0
    for request in series.requests.values():
        requests.merge(request.answered)
        failures += request.failed.total()
    for name, histogram in (
        ("", series.latency),
        ("connect_", series.connect),
        ("away_", series.away),
        ("jitter_", series.jitter),
        ("request_", requests),
        ("ping_", series.pings),
    ):
        if histogram.count:
            metrics |= _latencies(name, histogram)
    if requests.count or failures:
        metrics["requests"] = requests.count + failures
        metrics["request_failures"] = failures
    if outcome.options.one_order:
        metrics["disordered"] = len(outcome.disagreements)
    if outcome.options.reconnect:
        metrics["returned"] = outcome.returned.total()
        metrics["missed"] = audit.missed
        metrics["split"] = audit.split * 1000
    if series.latency.count:
        metrics["late"] = series.latency.above(outcome.options.late)
    if outcome.duration:
        metrics["throughput"] = outcome.received / outcome.duration
        metrics["bandwidth"] = outcome.received_bytes * 8 / outcome.duration / 1e6
    if outcome.climb is not None:
        metrics["highest_rate"] = outcome.climb.highest
    return metrics


def on_time(outcome: Outcome) -> dict[str, float]:
    """The latencies of those messages that left on time; the jitter of them is not known."""
    punctual = outcome.series.latency.without(outcome.series.tardy)
    return _latencies("", punctual) if punctual.count else {}


def _latencies(name: str, histogram: Histogram) -> dict[str, float]:
    found = {f"{name}mean": histogram.mean, f"{name}max": histogram.max}
    for short, share in _SHARES.items():
        found[name + short] = histogram.percentile(share)
    return found
