"""Locust's web page: all scenarios in the picker, our options in the form, a run from it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.wsload.conftest import ROOT, Process


class _WebPage:
    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.base + path, timeout=5) as answer:
            return str(answer.read(), "utf-8")

    def post(self, path: str, **form: str) -> Any:
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.base + path, data=data, timeout=5) as answer:
            return json.loads(answer.read())

    def defaults(self) -> dict[str, str]:
        """What the form sends when nobody changes anything in it."""
        found = re.search(r"window.templateArgs = (.*?)\n", self.get("/"))
        assert found is not None
        options = json.loads(found[1].strip().rstrip(";"))["extra_options"]
        values = {name: option["default_value"] for name, option in options.items()}
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
        }

    def stats(self) -> dict[str, Any]:
        """Locust's statistics by direction."""
        stats = json.loads(self.get("/stats/requests"))["stats"]
        return {entry["method"]: entry for entry in stats}


@pytest.fixture
def web_page(tmp_path: Path, free_port: int) -> Iterator[_WebPage]:
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", "loadtest", "--web-host", "127.0.0.1",
         "--web-port", str(free_port), "--report", str(tmp_path)],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    page = _WebPage(free_port)
    while process.poll() is None:
        try:
            page.get("/")
            break
        except OSError:
            time.sleep(0.05)
    yield page
    process.terminate()
    output, _ = process.communicate()
    assert "Traceback" not in output, output


def test_a_run_from_the_form_leaves_a_result(
    web_page: _WebPage, relay: Process, tmp_path: Path
) -> None:
    """With the form's own values; then a second one, after an address that cannot be."""
    page = web_page.get("/")
    for name in ("Audio", "Broadcast", "Churn", "Lagging", "Steady"):
        assert f'"{name}"' in page
    form = web_page.defaults() | {"user_count": "3", "spawn_rate": "10", "run_time": "5s"}
    web_page.post("/swarm", **form | {"host": "http://oops", "user_classes": "Audio"})
    for number, scenario in enumerate(("Broadcast", "Audio"), start=1):
        web_page.post("/swarm", **form | {"host": relay.host, "user_classes": scenario})
        while len(list(tmp_path.glob("*.html"))) < number:
            time.sleep(0.05)
        stats = web_page.stats()
        assert stats["WS connect"]["num_requests"] == 3
        sent = stats["WS send"]["num_requests"]
        assert stats["WS receive"]["num_requests"] == 2 * sent > 50
        result = json.loads(max(tmp_path.glob("*.json")).read_text())
        assert result["scenarios"] == [scenario.lower()]
        assert result["metrics"]["sent"] == sent


def test_the_page_has_verdict_and_report(
    web_page: _WebPage, relay: Process, browser: Browser
) -> None:
    """A run by hand: the form, the tab with the verdict, the link to the report."""
    page = browser.new_page()
    page.set_default_timeout(40_000)
    page.goto(web_page.base)
    page.fill("input[name=userCount]", "3")
    page.fill("input[name=spawnRate]", "10")
    page.fill("input[name=host]", relay.host)
    page.click("text=Advanced options")
    page.fill("input[name=runTime]", "8s")
    page.click("button[type=submit]")
    page.click("text=Verdict")
    page.wait_for_selector("text=PASSED")
    page.click("text=Download Data")
    page.click("text=Open the last run's report")
    page.wait_for_selector("text=Requirements")
    assert "PASSED" in page.inner_text("header")
    page.close()


def test_there_is_no_report_before_the_first_run(web_page: _WebPage) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        web_page.get("/load/report")
    assert json.loads(web_page.get("/load/verdict")) == {}
