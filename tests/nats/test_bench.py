"""`make bench-cluster` runs, and says what it was asked for."""

import os

import pytest

from bench.cluster import MEMORY, ONE, THREE, main
from tests.nats.server import need


def test_the_logs_are_compared_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each site, and nothing lost on any."""
    need()
    if len(os.sched_getaffinity(0)) < 2:
        assert "CI" not in os.environ, "a second core is missing"
        pytest.skip("needs a core for the load and one for all others")
    assert main(["--rounds", "1", "--seconds", "0.3", "--parts", "logs"]) == 0
    cells = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if " | " in line]
    assert [line[0] for line in cells[1:]] == [f"| {site.name}" for site in (MEMORY, ONE, THREE)]
    assert all(line[-1] == "yes |" for line in cells[1:])
