"""The course of a run: a row for each second, or for several where it was long."""

from collections import Counter, defaultdict
from math import ceil
from statistics import mean
from typing import Any

from wsload.account.histogram import Histogram
from wsload.report.outcome import Outcome
from wsload.run.series import Second

_MOST = 600  # rows: more than a page can show, and a result should hold
_SPANS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds
_HEAT = 1.2  # a row of the heat map is this many times the one below


def span_of(outcome: Outcome) -> int:
    """Seconds that a row stands for."""
    seconds = max((number for number, _ in outcome.seconds), default=0)
    return next((span for span in _SPANS if seconds <= span * _MOST), _SPANS[-1])


def rows(outcome: Outcome) -> list[dict[str, Any]]:
    """Rows of sending, each named by the number of its last second, from 1. Latencies are those of
    the whole row, rates and processors the means of its seconds, connections those of the last."""
    span, first = span_of(outcome), ceil(outcome.begun)
    found = []
    for end, seconds in _windows(outcome, span).items():
        latency = Histogram()
        for second in seconds:
            latency.merge(second.latency)
        row: dict[str, Any] = {
            "t": end,
            "p50": latency.percentile(0.5),
            "p95": latency.percentile(0.95),
            "p99": latency.percentile(0.99),
            "max": latency.max,
            "received": round(mean(second.received for second in seconds)),
            "sent": round(mean(second.sent for second in seconds)),
            "connections": sum(seconds[-1].connections.values()),
            "cpu": round(mean(max(second.cpu.values(), default=0.0) for second in seconds), 1),
        }
        served = [second.server_cpu for second in seconds if second.server_cpu is not None]
        if served:
            row["server_cpu"] = round(mean(served), 1)
        times = range(first + end - span, first + end)
        delays = [outcome.loop_delays[time] for time in times if time in outcome.loop_delays]
        if delays:
            row["loop_delay"] = round(max(delays), 2)
        found.append(row)
    return found


def heat(outcome: Outcome) -> dict[str, Any]:
    """Latencies over time: `edges` (ms) of the rows, and [t, row, deliveries] of the cells."""
    windows = {}
    whole = Histogram()
    for end, seconds in _windows(outcome, span_of(outcome)).items():
        windows[end] = latency = Histogram()
        for second in seconds:
            latency.merge(second.latency)
        whole.merge(latency)
    edges: list[float] = []
    for edge, _ in whole.rows():
        if not edges or edge > edges[-1]:
            edges.append(max(edges[-1] * _HEAT if edges else edge, edge))
    cells = []
    for end, latency in windows.items():
        counts: Counter[int] = Counter()
        row = 0
        for edge, count in latency.rows():
            while edge > edges[row] and row < len(edges) - 1:
                row += 1
            counts[row] += count
        cells += [[end, row, count] for row, count in sorted(counts.items())]
    return {"edges": [round(edge, 2) for edge in edges], "cells": cells}


def _windows(outcome: Outcome, span: int) -> dict[int, list[Second]]:
    """By the number of its last second: the seconds of each row."""
    found: dict[int, list[Second]] = defaultdict(list)
    for number, second in outcome.seconds:
        found[ceil(number / span) * span].append(second)
    return found
