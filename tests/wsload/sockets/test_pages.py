"""Report and dashboard in a browser: they draw, in light and dark, and ask nobody for anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from wsload.report.history import build, main
from wsload.report.page import write


def _result(number: int = 0, **changes: Any) -> dict[str, Any]:
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


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails the test when something goes wrong in it, or leaves the file system."""
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
        ),
    )
    yield page
    context.close()
    assert wrong == []


def _drawn(page: Page) -> list[bool]:
    """For each canvas: whether anything is painted on it."""
    painted: list[bool] = page.evaluate(
        """() => [...document.querySelectorAll("canvas")].map((canvas) => canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte))"""
    )
    return painted


def test_report_shows_numbers_and_charts(page: Page, tmp_path: Path) -> None:
    file = write(_result(), str(tmp_path))
    page.goto(file.as_uri())
    text = page.inner_text("main")
    for part in (
        "broadcast", "PASSED", "4 users", "relay 1.0", "p99 latency", "Median latency",
        "2,651", "of 2,651 owed", "at most 250 ms", "244 ms (98 %)", "1,024 bytes",
    ):  # fmt: skip
        assert part in text
    assert _drawn(page) == [True] * 8
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert background == ("rgb(18, 21, 20)" if dark else "rgb(246, 245, 241)")


def test_report_fits_a_small_phone(page: Page, tmp_path: Path) -> None:
    """The first column after the name says whether a limit is met."""
    page.set_viewport_size({"width": 320, "height": 640})
    result = _result(scenarios=["steady"])
    result["settings"]["rate_factor"] = 1.25
    page.goto(write(result, str(tmp_path)).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("tbody tr", has_text="p99 latency").inner_text().split()[2] == "yes"
    assert "1.25" in page.locator("tr", has_text="rate factor").inner_text().split()


def test_report_draws_a_climb_absences_and_own_requests(page: Page, tmp_path: Path) -> None:
    step = {"sent": 100.0, "delivered": 300.0, "p50": 1.0, "cpu": 20.0, "server_cpu": None}
    steps = [
        step | {"rate": 100.0, "p99": 5.0, "shortfall": ""},
        step | {"rate": 200.0, "p99": 900.0, "shortfall": "p99 latency 900 ms is over 50 ms"},
    ]
    result = _result(
        steps=steps,
        absences=[["load-1", 2.0, 3.5], ["load-2", 2.1, None]],
        requests=[{"name": "login", "answered": 9, "failed": 1, "p50": 1, "p99": 2, "max": 3}],
    )
    result["metrics"] |= {"highest_rate": 100.0, "requests": 10, "request_failures": 1}
    page.goto(write(result, str(tmp_path)).as_uri())
    text = page.inner_text("main")
    for part in ("the highest that held is 100", "Absences", "Own requests", "login", "Steps of"):
        assert part in text
    assert _drawn(page) == [True] * 10


def test_report_says_what_is_wrong(page: Page, tmp_path: Path) -> None:
    """And takes no markup from a server's words."""
    sentence = "the server said </script><b>no</b> (1 connection)"
    result = _result(
        passed=False, verdict="INCOMPLETE", remarks=[["INCOMPLETE", sentence]], seconds=[],
        distribution=[],
    )  # fmt: skip
    page.goto(write(result, str(tmp_path)).as_uri())
    assert "INCOMPLETE" in page.inner_text("header")
    assert page.inner_text(".remarks") == sentence


def test_text_can_be_read(page: Page, tmp_path: Path) -> None:
    """4.5 to 1 on what is behind it (WCAG 1.4.3), in light and in dark."""
    result = _result(
        verdict="FAILED", passed=False, receivers=[{"name": "load-1", "lost": 3}],
        remarks=[["FAILED", "a"], ["INVALID", "b"], ["PASSED", "c"]], notes=["d"],
    )  # fmt: skip
    page.goto(write(result, str(tmp_path)).as_uri())
    weak = page.evaluate(
        """() => {
          const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (parts) => parts.slice(0, 3).map((part) => part / 255)
            .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
            .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
          const behind = (node) => {
            for (; node; node = node.parentElement) {
              const parts = rgb(getComputedStyle(node).backgroundColor);
              if (parts.length < 4 || parts[3] === 1) return parts;
            }
            return [255, 255, 255];
          };
          return [...document.querySelectorAll("main *")]
            .filter((node) => [...node.childNodes].some((child) => child.data?.trim()))
            .map((node) => {
              const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent];
            })
            .filter(([ratio]) => ratio < 4.5);
        }"""
    )
    assert weak == []


def test_dashboard_draws_a_history_of_ten_runs(page: Page, tmp_path: Path) -> None:
    """With commits on the axis, and the last run beside the median of five before it."""
    reports, site = tmp_path / "reports", tmp_path / "site"
    for number in range(9):
        write(_result(number), str(reports))
    write(_result(9, verdict="INVALID", passed=False), str(reports))
    write(_result(10), str(reports))
    assert build(reports, site) == (11, [])
    page.goto((site / "index.html").as_uri())
    facts = "11 runs, 10 passed; the last one on 2026-03-11, aaaaaaaa, 4 users"
    assert page.inner_text(".facts").startswith(facts)
    assert page.locator("tbody tr").filter(has=page.locator("td a")).count() == 11
    assert page.locator("tr.faint").inner_text().split("\t")[2] == "INVALID"
    assert _drawn(page) == [True] * 5
    text = page.inner_text("main")
    assert "p99 required" in text
    # 36 ms; those before, without the invalid one, have 18, 21, 24, 27 and 30.
    assert "+50 % to the median of the 5 before" in text
    page.click("td a >> nth=0")
    assert "2026-03-11 10:00:00 UTC" in page.inner_text(".facts")


def test_dashboard_tells_groups_apart(page: Page, tmp_path: Path) -> None:
    """Another scenario, other settings, another machine: nothing is compared across them."""
    reports, site = tmp_path / "reports", tmp_path / "site"
    for number in range(3):
        write(_result(number), str(reports))
    write(_result(4, settings={"rooms": 2, "payload": 1024}), str(reports))
    write(_result(5, scenarios=["audio"]), str(reports))
    build(reports, site)
    page.goto((site / "index.html").as_uri())
    assert page.locator("option").count() == 3
    assert page.inner_text(".facts").startswith("1 run,")
    assert "no run to compare with" in page.inner_text("main")
    page.select_option(
        "select", "broadcast, 4 users, payload 1,024, rooms 1, a processor, 1 processes"
    )
    assert page.inner_text(".facts").startswith("3 runs,")


def test_dashboard_without_results_says_so(page: Page, tmp_path: Path) -> None:
    build(tmp_path, tmp_path / "site")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert "No results yet" in page.inner_text("main")


def test_results_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(3):
        write(_result(), str(tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.html"))) == 3


def test_names_of_scenarios_make_names_of_files(tmp_path: Path) -> None:
    """Whatever their authors call them."""
    for names in (["../game/one.v2"], ["one.v1"], ["x" * 300]):
        file = write(_result(scenarios=names), str(tmp_path))
        assert file.parent == tmp_path
        assert json.loads(file.with_suffix(".json").read_text())["scenarios"] == names
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_nothing_in_a_result_is_taken_for_the_pages_own(page: Page, tmp_path: Path) -> None:
    """What the template marks its places with, and what would end a script."""
    hostile = "{{title}} <!-- data --> <!-- inline style.css --> </script><b>"
    result = _result(scenarios=[hostile], notes=[hostile], host=hostile)
    result["settings"]["room"] = hostile
    result["receivers"] = [{"name": hostile, "lost": 1}]
    page.goto(write(result, str(tmp_path)).as_uri())
    assert page.inner_text("h1") == page.title().partition(" · ")[0] == hostile.strip()
    assert page.inner_text(".remarks .note") == hostile.strip()
    assert page.locator("b", has_text="data").count() == 1  # the host in the header
    build(tmp_path, tmp_path / "site")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert page.inner_text(".facts").startswith("1 run,")


def test_what_is_no_result_is_left_out_with_a_sentence(
    page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the others are drawn: a stray file has no power over the history."""
    write(_result(), str(tmp_path))
    stray = {
        "broken.json": "{", "list.json": "[]", "empty.json": "", "null.json": "null",
        "old.json": json.dumps({"schema": 1}), "new.json": json.dumps({"schema": 99}),
        "odd.json": json.dumps(_result(generator=None)), "word.json": json.dumps({"schema": "x"}),
        "remark.json": json.dumps(_result(remarks=[3])),
        "deep.json": "[" * 100_000, "numbers.json": json.dumps(_result(metrics=None)),
        "infinite.json": json.dumps(_result(settings={"rooms": float("inf")})),
        "mute.json": json.dumps(
            _result(schema=1, passed=False, shortfalls=[], incomplete=[], invalid=[], relay={})
        ),
    }  # fmt: skip
    for name, text in stray.items():
        (tmp_path / name).write_text(text)
    assert main([str(tmp_path), "--output", str(tmp_path / "site")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 results: ")
    assert {line.split(" ")[0] for line in said.err.splitlines()} == stray.keys()
    assert "new.json was left out: its schema is 99, newer than 2" in said.err
    assert "numbers.json was left out: its metrics is None" in said.err
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert page.inner_text(".facts").startswith("1 run, 1 passed")
    assert "list.json was left out" in page.inner_text("main")


def test_a_history_may_lie_beside_its_results(tmp_path: Path) -> None:
    """The pages are where they have to be already."""
    write(_result(), str(tmp_path / "reports"))
    for _ in range(2):
        assert build(tmp_path / "reports", tmp_path) == (1, [])
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


def test_results_of_the_first_schema_are_shown(tmp_path: Path) -> None:
    old = _result() | {
        "schema": 1, "passed": False, "shortfalls": ["slow"], "incomplete": [],
        "invalid": ["busy"], "relay": {"version": "0.9"},
    }  # fmt: skip
    for name in ("verdict", "remarks", "server"):
        del old[name]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert build(tmp_path, tmp_path / "site") == (1, [])
    assert '"verdict":"INVALID"' in (tmp_path / "site" / "index.html").read_text()


def test_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere"]) == 1
    assert capsys.readouterr().err.startswith("no folder nowhere: expected one with results")
