"""Report and dashboard in a browser: they draw, in light and dark, and ask nobody for anything."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from wsload.report.history import BadResults, build, main
from wsload.report.page import write

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def _result(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A result as a run leaves it, of the run with this number."""
    latency = 2.0 + number
    metrics = {
        "sent": 1000, "delivered": 3000, "lost": 0, "repeated": 0, "reordered": 0, "leaked": 0,
        "foreign": 0, "refused": 0, "closed": 0, "late": 0,
        "mean": latency, "p50": latency, "p95": 2 * latency, "p99": 3 * latency,
        "p999": 4 * latency, "max": 5 * latency,
        "connect_mean": 3, "connect_p50": 3, "connect_p95": 4, "connect_p99": 5, "connect_p999": 5,
        "connect_max": 5, "throughput": 300.0 + number, "bandwidth": 2.5,
    }  # fmt: skip
    seconds = [
        {"t": t, "p50": latency, "p95": 4, "p99": 6, "max": 9,
         "received": 300, "sent": 100, "connections": 4}
        for t in range(1, 11)
    ]  # fmt: skip
    return {
        "schema": 1, "started": f"2026-03-{number + 1:02}T10:00:00+00:00",
        "scenarios": ["broadcast"], "host": "ws://localhost:8080", "users": 4, "duration": 10.0,
        "passed": True, "incomplete": [], "invalid": [], "shortfalls": [], "notes": [],
        "requirements": {"lost": 0, "p99": 250}, "metrics": metrics,
        "relay": {"version": "1.0", "commit": f"{number:x}" * 40},
        "generator": {"processes": 1, "cpu_percent": 20.0, "cpu": "a processor"},
        "settings": {"rooms": 1, "payload": 1024, "rate": 1000.0},
        "failures": {}, "closed": {}, "lagged": {}, "receivers": [], "steps": [],
        "distribution": [[0.1, 5], [0.2, 900], [1.5, 2000], [10.0, 94], [12.0, 1]],
        "seconds": seconds,
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        assert "CI" not in os.environ, "chromium is missing"
        pytest.skip("chromium is not installed: needed to look at pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )  # fmt: skip
        yield browser
        browser.close()


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
    for part in ("broadcast", "PASSED", "4 users", "relay 1.0", "p99 latency", "Median latency"):
        assert part in text
    assert _drawn(page) == [True] * 6
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert background == ("rgb(12, 17, 22)" if dark else "rgb(244, 246, 249)")


def test_report_says_what_is_wrong(page: Page, tmp_path: Path) -> None:
    """And takes no markup from a relay's words."""
    sentence = "the relay said </script><b>no</b> (1 connection)"
    result = _result(passed=False, incomplete=[sentence], seconds=[], distribution=[])
    page.goto(write(result, str(tmp_path)).as_uri())
    assert "INCOMPLETE" in page.inner_text("header")
    assert page.inner_text(".remarks") == sentence


def test_dashboard_draws_a_history_of_ten_runs(page: Page, tmp_path: Path) -> None:
    reports, site = tmp_path / "reports", tmp_path / "site"
    for number in range(10):
        write(_result(number), str(reports))
    assert build(reports, site) == 10
    page.goto((site / "index.html").as_uri())
    facts = "10 runs, 10 passed; the last one on 2026-03-10, 99999999, 4 users"
    assert page.inner_text(".facts") == facts
    assert page.locator("tbody tr").filter(has=page.locator("td a")).count() == 10
    assert _drawn(page) == [True] * 5
    assert "p99 required" in page.inner_text("main")
    page.click("td a >> nth=0")
    assert "2026-03-10 10:00:00 UTC" in page.inner_text(".facts")


def test_dashboard_tells_scenarios_apart(page: Page, tmp_path: Path) -> None:
    reports, site = tmp_path / "reports", tmp_path / "site"
    for number in range(3):
        write(_result(number), str(reports))
    write(_result(5, scenarios=["audio"]), str(reports))
    build(reports, site)
    page.goto((site / "index.html").as_uri())
    assert page.inner_text(".facts").startswith("1 run,")
    page.select_option("select", "broadcast")
    assert page.inner_text(".facts").startswith("3 runs,")


def test_dashboard_without_results_says_so(page: Page, tmp_path: Path) -> None:
    build(tmp_path, tmp_path / "site")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert "No results yet" in page.inner_text("main")


def test_results_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(3):
        write(_result(), str(tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.html"))) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not a result of the load tester"),
        ("[]", "is not a result of the load tester"),
        (json.dumps({"schema": 1}), "is not a result of the load tester: KeyError('started')"),
        (json.dumps({"schema": 99}), "has schema 99, newer than 1"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(BadResults) as caught:
        build(tmp_path, tmp_path / "site")
    assert sentence in str(caught.value)
    assert "odd.json" in str(caught.value)


def test_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere"]) == 1
    assert capsys.readouterr().err.startswith("no folder nowhere: expected one with results")
