"""What a release does on its host (infra/templates/release.sh), as far as that needs no Docker."""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import ROOT


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Path]:
    """A release's directory on a host whose lock somebody holds: a switch waits, no more."""
    directory = tmp_path / "releases" / "20261125T101500-0123456789ab"
    directory.mkdir(parents=True)
    shutil.copy(ROOT / "infra" / "templates" / "release.sh", directory)
    (directory / "release.sh").chmod(0o750)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def _run(release: Path, *words: str) -> str:
    command = [str(release / "release.sh"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_progress_knows_its_own_switch_from_a_stranger_of_that_number(release: Path) -> None:
    """After a reboot it may be anybody's: nobody follows a switch that is gone."""
    _run(release, "start", "60", "somebody", "any")
    switch = int((release / "pid").read_text())
    try:
        assert _run(release, "progress", "0") == "=alive waiting\n"
        (release / "pid").write_text(f"{os.getpid()}\n")
        assert _run(release, "progress", "0") == "=gone waiting\n"
    finally:
        os.killpg(switch, signal.SIGKILL)
