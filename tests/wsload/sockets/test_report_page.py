"""The report in a browser: it draws, in light and dark, and asks nobody for anything."""

import json
from pathlib import Path

from playwright.sync_api import Page

from tests.wsload.sockets.pages import drawn, result_of_run
from wsload.report.history import build
from wsload.report.page import write


def test_report_shows_numbers_and_charts(page: Page, tmp_path: Path) -> None:
    file = write(result_of_run(), str(tmp_path))
    page.goto(file.as_uri())
    text = page.inner_text("main")
    for part in (
        "broadcast", "PASSED", "4 users", "relay 1.0", "p99 latency", "Median latency",
        "2,651", "of 2,651 owed", "at most 250 ms", "244 ms (98 %)", "1,024 bytes",
    ):  # fmt: skip
        assert part in text
    assert drawn(page) == [True] * 8
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert background == ("rgb(18, 21, 20)" if dark else "rgb(246, 245, 241)")


def test_report_fits_a_small_phone(page: Page, tmp_path: Path) -> None:
    """The first column after the name says whether a limit is met."""
    page.set_viewport_size({"width": 320, "height": 640})
    result = result_of_run(scenarios=["steady"])
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
    result = result_of_run(
        steps=steps,
        absences=[["load-1", 2.0, 3.5], ["load-2", 2.1, None]],
        requests=[{"name": "login", "answered": 9, "failed": 1, "p50": 1, "p99": 2, "max": 3}],
    )
    result["metrics"] |= {"highest_rate": 100.0, "requests": 10, "request_failures": 1}
    page.goto(write(result, str(tmp_path)).as_uri())
    text = page.inner_text("main")
    for part in ("the highest that held is 100", "Absences", "Own requests", "login", "Steps of"):
        assert part in text
    assert drawn(page) == [True] * 10


def test_report_says_what_is_wrong(page: Page, tmp_path: Path) -> None:
    """And takes no markup from a server's words."""
    sentence = "the server said </script><b>no</b> (1 connection)"
    result = result_of_run(
        passed=False, verdict="INCOMPLETE", remarks=[["INCOMPLETE", sentence]], seconds=[],
        distribution=[],
    )  # fmt: skip
    page.goto(write(result, str(tmp_path)).as_uri())
    assert "INCOMPLETE" in page.inner_text("header")
    assert page.inner_text(".remarks") == sentence


def test_text_can_be_read(page: Page, tmp_path: Path) -> None:
    """4.5 to 1 on what is behind it (WCAG 1.4.3), in light and in dark."""
    result = result_of_run(
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


def test_results_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(3):
        write(result_of_run(), str(tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.html"))) == 3


def test_names_of_scenarios_make_names_of_files(tmp_path: Path) -> None:
    """Whatever their authors call them."""
    for names in (["../game/one.v2"], ["one.v1"], ["x" * 300]):
        file = write(result_of_run(scenarios=names), str(tmp_path))
        assert file.parent == tmp_path
        assert json.loads(file.with_suffix(".json").read_text())["scenarios"] == names
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_nothing_in_a_result_is_taken_for_the_pages_own(page: Page, tmp_path: Path) -> None:
    """What the template marks its places with, and what would end a script."""
    hostile = "{{title}} <!-- data --> <!-- inline style.css --> </script><b>"
    result = result_of_run(scenarios=[hostile], notes=[hostile], host=hostile)
    result["settings"]["room"] = hostile
    result["receivers"] = [{"name": hostile, "lost": 1}]
    page.goto(write(result, str(tmp_path)).as_uri())
    assert page.inner_text("h1") == page.title().partition(" · ")[0] == hostile.strip()
    assert page.inner_text(".remarks .note") == hostile.strip()
    assert page.locator("b", has_text="data").count() == 1  # the host in the header
    build(tmp_path, tmp_path / "site")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    assert page.inner_text(".facts").startswith("1 run,")
