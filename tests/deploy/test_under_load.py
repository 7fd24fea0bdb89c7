"""Many clients through a deploy, a bad release and the way back, told by whom they belong to."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.checkout import PATIENCE, Checkout
from tests.lab.engine import ROOT
from tests.lab.release_host import ReleaseHost


def test_load_test_stays_connected_through_deploy_bad_release_and_rollback(
    checkout: Checkout,
    release_host: ReleaseHost,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its own account of 200 members that would not come back: all stayed, nothing is wanting."""
    report = tmp_path / "reports"
    files = checkout.git("rev-parse", "HEAD")
    good = release_host.health()["commit"]
    load = subprocess.Popen(
        [
            *(sys.executable, "-m", "locust", "-f", "loadtest/broadcast.py", "--headless"),
            *("-u", "200", "-r", "200", "-t", "20m", "--host", f"ws://{release_host.address}"),
            # Not more: a busy machine has to have time left for handing over.
            *("--rooms", "20", "--interval", "500", "--payload", "64"),
            *("--only-summary", "--report", str(report)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    try:
        release_host.vps.wait_until(lambda: release_host.health()["count"] == 200, "all are in")
        commit = checkout.commit("A release under load")
        said.append(checkout.deploy().succeeded().output)
        assert release_host.health()["commit"] == commit
        mute = f"{(ROOT / 'Dockerfile.relay').read_text()}ENV RELEASE_COMMIT=another\n"
        checkout.commit("A bad release under load", {"Dockerfile.relay": mute})
        said.append(checkout.deploy().refused("serves again").output)
        assert release_host.health()["commit"] == commit
        said.append(checkout.rollback().succeeded().output)
        assert release_host.health()["commit"] == good
        assert release_host.health()["count"] >= 200
    finally:
        load.send_signal(signal.SIGINT)
        output, _ = load.communicate(timeout=PATIENCE)
        checkout.undo(files)
    result = json.loads(next(report.glob("*.json")).read_text())
    metrics = result["metrics"]
    with capsys.disabled():
        for what, words in zip(("deploy", "taken back", "rollback"), said, strict=True):
            figures = _figures(words)
            assert figures["closed"] == "none", words
            assert figures["deliveries lost"] == figures["deliveries repeated"] == "0", words
            print(f"\n{what}: longest silence {figures['longest silence']}", file=sys.stderr)
        print(f"200 members: slowest delivery {metrics['max']:.0f} ms", file=sys.stderr, flush=True)
    incomplete = [sentence for word, sentence in result["remarks"] if word == "INCOMPLETE"]
    assert incomplete == ["the run was interrupted"]
    assert (metrics["refused"], metrics["closed"]) == (0, 0), output
    assert (metrics["lost"], metrics["repeated"], metrics["reordered"]) == (0, 0, 0), output
    assert metrics["delivered"] == 9 * metrics["sent"]  # the others in a room of ten


@pytest.mark.long
def test_two_hundred_clients_talk_on_through_a_deploy(
    checkout: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No handshake fails, nobody is closed, nothing is lost; the longest silence is printed."""
    checkout.commit("A release that replaces another")
    summary = tmp_path / "summary.md"
    checkout.deploy("--witnesses", "200", "--summary", str(summary)).succeeded()
    figures = _figures(summary.read_text())
    with capsys.disabled():
        # The output of a worker goes nowhere, its errors to the terminal.
        print("\n" + summary.read_text(), file=sys.stderr, flush=True)
    assert figures["handshakes failed"] == "0"
    assert figures["closed"] == "none"
    assert figures["deliveries lost"] == figures["deliveries repeated"] == "0"
    assert float(figures["longest silence"].removesuffix(" s")) > 0


def _figures(summary: str) -> dict[str, str]:
    """What a summary tells, line by line."""
    return dict(re.findall(r"^\| (.+?) \| (.*?) \|$", summary, re.MULTILINE))
