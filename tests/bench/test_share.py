"""A relay that is measured may get a part of a core."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.share import CannotLimit, limited


def test_a_process_gets_its_part_and_all_of_it_afterwards() -> None:
    """It is in a control group of its own, which is gone when the measurement ends."""
    if os.geteuid():
        pytest.skip("only root makes a control group")
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        groups = Path(f"/proc/{process.pid}/cgroup")
        before = groups.read_text()
        try:
            with limited(process.pid, 0.25):
                inside = groups.read_text()
        except CannotLimit as reason:
            pytest.skip(str(reason))
        assert "relay-bench-" in inside
        assert groups.read_text() == before
        process.communicate(b"\n")


def test_a_machine_that_cannot_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root gets a sentence."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotLimit, match="only root"), limited(os.getpid(), 0.25):
        pytest.fail("it is limited")
