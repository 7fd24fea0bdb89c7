"""What the tests of report and history look at: results, and what a page has drawn."""

from typing import Any

from playwright.sync_api import Page


def result_of_run(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A result as a run leaves it, of the run with this number."""
    latency = 2.0 + number
    metrics = {
        "sent": 1000, "delivered": 2651, "owed": 2651, "lost": 0, "repeated": 0, "reordered": 0,
        "leaked": 0, "corrupted": 0, "truncated": 0, "unexpected": 0, "unread": 0,
        "foreign": 0, "refused": 0, "closed": 0, "late": 0,
        "mean": latency, "p50": latency, "p95": 2 * latency, "p99": 3 * latency,
        "p999": 4 * latency, "max": 5 * latency,
        "connect_mean": 3, "connect_p50": 3, "connect_p95": 4, "connect_p99": 5, "connect_p999": 5,
        "connect_max": 5, "throughput": 300.0 + number, "bandwidth": 2.5,
    }  # fmt: skip
    seconds = [
        {"t": t, "p50": latency, "p95": 4, "p99": 6, "max": 9, "received": 300, "sent": 100,
         "connections": 4, "cpu": 20 + t, "server_cpu": 30 - t, "loop_delay": 0.5}
        for t in range(1, 11)
    ]  # fmt: skip
    checks = [
        {"name": "lost", "title": "lost", "unit": "messages", "least": False, "limit": 0,
         "measured": 0, "met": True},
        {"name": "p99", "title": "p99 latency", "unit": "ms", "least": False, "limit": 250,
         "measured": 3 * latency, "met": True},
    ]  # fmt: skip
    return {
        "schema": 2, "started": f"2026-03-{number + 1:02}T10:00:00+00:00",
        "scenarios": ["broadcast"], "host": "ws://localhost:8080", "users": 4, "duration": 10.0,
        "verdict": "PASSED", "passed": True, "remarks": [["PASSED", "lost 0"]], "notes": [],
        "requirements": {"lost": 0, "p99": 250}, "checks": checks, "metrics": metrics,
        "server": {"version": "1.0", "commit": f"{number:x}" * 40},
        "generator": {"processes": 1, "cpu_percent": 20.0, "cpu": "a processor"},
        "settings": {"rooms": 1, "payload": 1024, "rate": 1000.0},
        "failures": {}, "closed": {}, "lagged": {}, "receivers": [], "steps": [],
        "requests": [], "absences": [],
        "heat": {"edges": [1.0, 2.0, 4.0], "cells": [[t, t % 3, 300] for t in range(1, 11)]},
        "distribution": [[0.1, 5], [0.2, 900], [1.5, 2000], [10.0, 94], [12.0, 1]],
        "seconds": seconds,
    } | changes  # fmt: skip


def drawn(page: Page) -> list[bool]:
    """For each canvas: whether anything is painted on it."""
    painted: list[bool] = page.evaluate(
        """() => [...document.querySelectorAll("canvas")].map((canvas) => canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte))"""
    )
    return painted
