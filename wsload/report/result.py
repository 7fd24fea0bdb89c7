"""What a run came to: one document, the same for the JSON file, the table and the page."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wsload.report.course import heat, rows, span_of
from wsload.report.metrics import metrics_of, on_time
from wsload.report.notes import ended, notes
from wsload.report.outcome import Outcome
from wsload.report.verdict import Climbed, Facts, judge
from wsload.run.requirements import LATENCIES, Check, checks

SCHEMA = 2
"""Raised when a reader of older results has to know better."""

_ABSENCES = 500  # bars at most


def result_of(outcome: Outcome) -> dict[str, Any]:
    """The document. Latencies are milliseconds, times seconds, sizes bytes unless named."""
    metrics = metrics_of(outcome)
    facts = facts_of(outcome, metrics)
    verdict = judge(facts)
    climb = outcome.climb
    return {
        "schema": SCHEMA,
        "started": datetime.fromtimestamp(outcome.begun or outcome.ended, UTC).isoformat(
            timespec="seconds"
        ),
        "scenarios": outcome.scenarios,
        "climbing": outcome.climbing,
        "host": outcome.host,
        "users": outcome.users.total(),
        "users_by_scenario": dict(outcome.users),
        "duration": round(outcome.duration, 3),
        "verdict": verdict.word.value,
        "row": verdict.row,
        "exit_code": verdict.word.exit_code,
        "passed": verdict.word.exit_code == 0,
        "remarks": [[remark.word.value, remark.sentence] for remark in verdict.remarks],
        "notes": notes(outcome),
        "requirements": {check.name: check.limit for check in facts.checks},
        "checks": [_check(check) for check in facts.checks],
        "metrics": {name: round(value, 3) for name, value in metrics.items()},
        "server": outcome.server,
        "generator": {
            "processes": outcome.processes,
            "hosts": len(outcome.hosts) or 1,
            "cpu_percent": round(outcome.cpu, 1),
            "late_percent": round(100 * outcome.late_share, 2),
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
        "close_reasons": [[code, text, n] for (code, text), n in outcome.reasons.most_common(20)],
        "lagged": dict(outcome.lagged),
        "returned": dict(outcome.returned),
        "requests": _requests(outcome),
        "receivers": [asdict(receiver) for receiver in outcome.audit.receivers],
        "absences": _absences(outcome),
        "steps": [asdict(step) for step in climb.steps] if climb is not None else [],
        "distribution": [[round(edge, 2), count] for edge, count in outcome.series.latency.rows()],
        "span": span_of(outcome),
        "seconds": rows(outcome),
        "heat": heat(outcome),
    }


def facts_of(outcome: Outcome, metrics: dict[str, float]) -> Facts:
    """What the verdict is made from."""
    climb = outcome.climb
    limits = outcome.limits
    if climb is not None:
        # Latencies were judged step by step.
        limits = {name: limit for name, limit in limits.items() if name not in LATENCIES}
        if outcome.overloaded:
            for name in ("closed", "returned", "unread", "missed"):
                limits.pop(name, None)
    sent, unsent = outcome.audit.sent, outcome.unsent
    return Facts(
        sent=sent,
        owed=outcome.audit.owed,
        requests=int(metrics.get("requests", 0)),
        checks=checks(limits, metrics),
        on_time=on_time(outcome),
        slow_closes=outcome.slow_closes,
        ended=ended(outcome),
        sent_share=sent / (sent + unsent) if sent else 1.0,
        late_share=outcome.late_share,
        others_failed=outcome.others_failed,
        cpu=outcome.cpu,
        climb=None
        if climb is None
        else Climbed(
            climb.highest,
            top_held=climb.highest >= outcome.options.rate_max * 0.999,
            limited=climb.limited,
            answered=climb.is_answered,
            shortfall=next((step.shortfall for step in reversed(climb.steps) if not step.held), ""),
        ),
    )


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "title": check.quantity.title,
        "unit": check.quantity.unit,
        "least": check.quantity.least,
        "limit": check.limit,
        "measured": check.measured,
        "met": check.met,
    }


def _requests(outcome: Outcome) -> list[dict[str, Any]]:
    """Own requests by name."""
    found = []
    for name, request in sorted(outcome.series.requests.items()):
        answered = request.answered
        found.append(
            {
                "name": name,
                "answered": answered.count,
                "failed": request.failed.total(),
                "p50": answered.percentile(0.5),
                "p99": answered.percentile(0.99),
                "max": answered.max,
                "failures": dict(request.failed.most_common(5)),
            }
        )
    return found


def _absences(outcome: Outcome) -> list[list[Any]]:
    """[member, left, back], seconds after the begin; back is none where it did not come back."""
    found: list[list[Any]] = []
    for name, left, back in sorted(outcome.absences, key=lambda absence: absence[1])[:_ABSENCES]:
        returned = round(back - outcome.begun, 3) if back < float("inf") else None
        found.append([name, round(left - outcome.begun, 3), returned])
    return found


def _cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
