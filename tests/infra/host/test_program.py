"""The program as the host runs it: one file, by python3 alone."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.host.state import Report, State
from infra.plan.archive import FILE, archive
from tests.infra.host.conftest import A

_LIMIT = 60.0  # seconds


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Path]:
    """A release's directory on a host whose lock somebody holds: a switch waits, no more."""
    directory = tmp_path / "releases" / A
    directory.mkdir(parents=True)
    (directory / FILE).write_bytes(archive())
    with (tmp_path / "lock").open("w") as lock:
        lock.write("release R, by somebody\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def _run(release: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Without packages, as on a host that has none."""
    command = [sys.executable, "-I", "-S", str(release / FILE), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT)


def test_switch_goes_on_without_whoever_started_it(release: Path) -> None:
    """Its process is known to live until it ends, and by nothing that a stranger may have."""
    assert _run(release, "start", "60", "somebody", "any").returncode == 0
    switch = int((release / "pid").read_text())
    try:
        report = Report.parse(_run(release, "progress", "0").stdout)
        assert (report.progress.state, report.is_alive) == (State.WAITING, True)
        again = _run(release, "start", "60", "somebody", "any")
        assert again.stderr == f"release {A} is being put live already\n"
    finally:
        os.killpg(switch, signal.SIGKILL)
    while (report := Report.parse(_run(release, "progress", "0").stdout)).is_alive:
        pass
    assert report.progress.state is State.WAITING


def test_whoever_holds_the_host_is_named(release: Path) -> None:
    """After as long as one wants to wait."""
    done = _run(release, "prepare", "0", "somebody")
    assert done.returncode == 1
    expected = "held by another run, which did not end within 0 s: release R, by somebody"
    assert done.stderr == f"this host is {expected}\n"


def test_switch_that_cannot_have_the_lock_says_so_where_it_is_asked(release: Path) -> None:
    """In its state: nobody may be there to read its errors."""
    _run(release, "start", "0", "somebody", "any")
    while (report := _last(_run(release, "progress", "0").stdout)).is_alive:
        pass
    assert report.progress.state is State.FAILED
    assert "this host is held by another run" in report.progress.words


def _last(said: str) -> Report:
    return Report.parse(said.splitlines()[-1])


def test_same_sources_make_the_same_file() -> None:
    """A deploy that finds it there sends nothing."""
    assert archive() == archive()
