"""What a run came to: one document, the same for the JSON file, the table and the page."""

import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

from wsload.account.audit import Audit
from wsload.run.climb import climbed, highest
from wsload.run.options import Options
from wsload.run.requirements import number, shortfalls
from wsload.run.series import Series

SCHEMA = 1
"""Raised when a reader of older results has to know better."""

_MOST_CPU = 90.0  # percent of a core, of the busiest generator
_MOST_LATE = 0.01  # of all sends


@dataclass(slots=True)
class Outcome:
    """Everything that was found out, from all processes."""

    options: Options
    limits: dict[str, float]
    host: str
    scenarios: list[str]
    settings: dict[str, Any]
    relay: dict[str, Any] = field(default_factory=dict)  # what /health tells
    series: Series = field(default_factory=Series)
    audit: Audit = field(default_factory=Audit)
    begun: float = 0.0  # of sending; seconds since the epoch; 0: it never began
    ended: float = 0.0
    received: int = 0  # messages, until sending ended
    received_bytes: int = 0
    users: int = 0
    processes: int = 1
    hosts: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)  # by sentence
    closed: Counter[str] = field(default_factory=Counter)  # by code
    lagged: Counter[str] = field(default_factory=Counter)  # by code
    returned: Counter[str] = field(default_factory=Counter)  # by code
    interrupted: list[str] = field(default_factory=list)  # why it ended before its time

    def sending_ended(self) -> None:
        """What has not arrived by now does not count for throughput: it would be flattered by what
        piled up and came in the settle time."""
        self.received = self.series.latency.count
        self.received_bytes = self.series.received_bytes

    @property
    def duration(self) -> float:
        """Seconds in which messages were sent."""
        return max(self.ended - self.begun, 0.0) if self.begun else 0.0


def result_of(outcome: Outcome) -> dict[str, Any]:
    """The document. Latencies are milliseconds, times seconds, sizes bytes unless named."""
    steps = (
        climbed(outcome.options, outcome.limits, outcome.series, outcome.begun, outcome.ended + 1)
        if "steady" in outcome.scenarios and outcome.options.rate_max and outcome.begun
        else []
    )
    metrics = _metrics(outcome)
    if steps:
        metrics["highest_rate"] = highest(steps)
    # A climb ends beyond what holds, on purpose: whom the relay then cuts off, and what was on the
    # way from and to them, is the price. Latencies were judged step by step.
    cut_off = outcome.closed or outcome.returned
    overloaded = bool(steps) and bool(steps[-1].shortfall) and bool(cut_off)
    incomplete = _incomplete(outcome, overloaded=overloaded)
    invalid = _invalid(outcome, climbing=bool(steps))
    judged = {"repeated", "reordered", "leaked", "highest_rate"}
    if not overloaded:
        judged.add("lost")
    limits = {name: limit for name, limit in outcome.limits.items() if not steps or name in judged}
    short = shortfalls(limits, metrics)
    return {
        "schema": SCHEMA,
        "started": datetime.fromtimestamp(outcome.begun or outcome.ended, UTC).isoformat(
            timespec="seconds"
        ),
        "scenarios": outcome.scenarios,
        "host": outcome.host,
        "users": outcome.users,
        "duration": round(outcome.duration, 3),
        "passed": not (incomplete or invalid or short),
        "incomplete": incomplete,
        "invalid": invalid,
        "shortfalls": short,
        "requirements": limits,
        "metrics": {name: round(value, 3) for name, value in metrics.items()},
        "notes": _notes(outcome, overloaded=overloaded),
        "relay": outcome.relay,
        "generator": {
            "processes": outcome.processes,
            "hosts": len(outcome.hosts) or 1,
            "cpu_percent": round(outcome.series.busiest(outcome.begun, outcome.ended), 1),
            "late_sends": outcome.series.late_sends,
            "send_p99": outcome.series.lateness.percentile(0.99),
            "cpu": _cpu_model(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "locust": version("locust"),
        },
        "settings": outcome.settings,
        "failures": dict(outcome.failed),
        "closed": dict(outcome.closed),
        "lagged": dict(outcome.lagged),
        "returned": dict(outcome.returned),
        "receivers": [asdict(receiver) for receiver in outcome.audit.receivers],
        "steps": [asdict(step) for step in steps],
        "distribution": [[round(edge, 2), count] for edge, count in outcome.series.latency.rows()],
        "seconds": _seconds(outcome),
    }


def _metrics(outcome: Outcome) -> dict[str, float]:
    """By the names that can be required; without latencies where nothing was received."""
    series, audit = outcome.series, outcome.audit
    metrics: dict[str, float] = {
        "sent": audit.sent,
        "delivered": audit.delivered + audit.early,
        "lost": audit.lost,
        "repeated": audit.repeated,
        "reordered": audit.reordered,
        "leaked": audit.leaked,
        "foreign": audit.foreign,
        "refused": outcome.failed.total(),
        "closed": outcome.closed.total(),
    }
    for name, histogram in (
        ("", series.latency),
        ("connect_", series.connect),
        ("away_", series.away),
        ("jitter_", series.jitter),
    ):
        if histogram.count:
            metrics[f"{name}mean"] = histogram.mean
            for short, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)):
                metrics[name + short] = histogram.percentile(share)
            metrics[f"{name}max"] = histogram.max
    if outcome.options.reconnect:
        metrics["returned"] = outcome.returned.total()
        metrics["missed"] = audit.missed
        metrics["split"] = audit.split * 1000
    if series.latency.count:
        metrics["late"] = series.latency.above(outcome.options.late)
    if outcome.duration:
        metrics["throughput"] = outcome.received / outcome.duration
        metrics["bandwidth"] = outcome.received_bytes * 8 / outcome.duration / 1e6
    return metrics


def _incomplete(outcome: Outcome, *, overloaded: bool) -> list[str]:
    sentences = list(outcome.interrupted)
    for sentence, count in outcome.failed.most_common():
        sentences.append(f"{sentence} ({_connections(count)})")
    for close, count in () if overloaded else outcome.closed.most_common():
        sentences.append(f"the relay closed {_connections(count)}: {close}")
    if not outcome.begun and not outcome.failed:
        sentences.append(
            "nothing was sent: the run ended before everybody had joined; "
            "run longer, spawn faster, or send at once with --start ramp"
        )
    return sentences


def _invalid(outcome: Outcome, *, climbing: bool) -> list[str]:
    """The self-check: was it the generator that could not keep up?"""
    sentences = []
    cpu = outcome.series.busiest(outcome.begun, outcome.ended)
    if cpu > _MOST_CPU and not climbing:
        sentences.append(
            f"the load generator used {cpu:.0f} % of a core, over {_MOST_CPU:.0f} %: it may have "
            "been the limit, not the relay; add processes (--processes) or lower the load"
        )
    sends, late = outcome.series.lateness.count, outcome.series.late_sends
    if sends and late > sends * _MOST_LATE and not climbing:
        sentences.append(
            f"{number(late)} of {number(sends)} messages left later than a tenth of their "
            "interval: the load generator could not keep up; add processes (--processes) "
            "or lower the load"
        )
    return sentences


def _notes(outcome: Outcome, *, overloaded: bool) -> list[str]:
    """What a reader should know, none of it a fault."""
    sentences = []
    if len(outcome.hosts) > 1 and not outcome.options.clocks_agree:
        sentences.append(
            f"latencies across {len(outcome.hosts)} hosts include the difference of their clocks "
            "(--clocks-agree if that is known to be small)"
        )
    if outcome.series.backwards:
        sentences.append(
            f"{number(outcome.series.backwards)} messages came before they were sent: "
            "the clock was set, or the hosts' clocks disagree"
        )
    if outcome.audit.foreign:
        sentences.append(
            f"{number(outcome.audit.foreign)} messages came from others in the same rooms"
        )
    sentences += [
        f"the relay cut off {_connections(count)} that lagged on purpose: {close}"
        for close, count in outcome.lagged.items()
    ]
    sentences += [
        f"{_connections(count)} came back after being closed with {close}"
        for close, count in outcome.returned.items()
    ]
    if overloaded:
        sentences += [
            f"beyond the highest rate the relay cut off {_connections(count)}: {close}"
            for close, count in outcome.closed.items()
        ]
    return sentences


def _seconds(outcome: Outcome) -> list[dict[str, float]]:
    """Whole seconds of sending, numbered from its begin."""
    rows = []
    for number_, second in outcome.series.between(outcome.begun, outcome.ended):
        rows.append(
            {
                "t": number_ - ceil(outcome.begun) + 1,
                "p50": second.latency.percentile(0.5),
                "p95": second.latency.percentile(0.95),
                "p99": second.latency.percentile(0.99),
                "max": second.latency.max,
                "received": second.received,
                "sent": second.sent,
                "connections": sum(second.connections.values()),
            }
        )
    return rows


def _connections(count: int) -> str:
    return f"{count:,} connection{'s' if count > 1 else ''}"


def _cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
