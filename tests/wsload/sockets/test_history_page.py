"""The history in a browser, and which files are in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.wsload.sockets.pages import drawn, result_of_run
from wsload.report.history import build, main
from wsload.report.page import write


def test_dashboard_draws_a_history_of_ten_runs(page: Page, tmp_path: Path) -> None:
    """With commits on the axis, and the last run beside the median of five before it."""
    reports, site = tmp_path / "reports", tmp_path / "site"
    for number in range(9):
        write(result_of_run(number), str(reports))
    write(result_of_run(9, verdict="INVALID", passed=False), str(reports))
    write(result_of_run(10), str(reports))
    assert build(reports, site) == (11, [])
    page.goto((site / "index.html").as_uri())
    facts = "11 runs, 10 passed; the last one on 2026-03-11, aaaaaaaa, 4 users"
    assert page.inner_text(".facts").startswith(facts)
    assert page.locator("tbody tr").filter(has=page.locator("td a")).count() == 11
    assert page.locator("tr.faint").inner_text().split("\t")[2] == "INVALID"
    assert drawn(page) == [True] * 5
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
        write(result_of_run(number), str(reports))
    write(result_of_run(4, settings={"rooms": 2, "payload": 1024}), str(reports))
    write(result_of_run(5, scenarios=["audio"]), str(reports))
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


def test_what_is_no_result_is_left_out_with_a_sentence(
    page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the others are drawn: a stray file has no power over the history."""
    write(result_of_run(), str(tmp_path))
    unsaid: dict[str, Any] = {
        "passed": False,
        "shortfalls": [],
        "incomplete": [],
        "invalid": [],
        "relay": {},
    }
    stray = {
        "broken.json": "{", "list.json": "[]", "empty.json": "", "null.json": "null",
        "old.json": json.dumps({"schema": 1}), "new.json": json.dumps({"schema": 99}),
        "odd.json": json.dumps(result_of_run(generator=None)),
        "word.json": json.dumps({"schema": "x"}),
        "remark.json": json.dumps(result_of_run(remarks=[3])),
        "deep.json": "[" * 100_000, "numbers.json": json.dumps(result_of_run(metrics=None)),
        "infinite.json": json.dumps(result_of_run(settings={"rooms": float("inf")})),
        "mute.json": json.dumps(result_of_run(schema=1, **unsaid)),
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
    write(result_of_run(), str(tmp_path / "reports"))
    for _ in range(2):
        assert build(tmp_path / "reports", tmp_path) == (1, [])
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


def test_results_of_the_first_schema_are_shown(tmp_path: Path) -> None:
    old = result_of_run() | {
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
