"""The lock that a run of provision.yml holds on the host, whose systemd and sshd are imitated."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.lab.waiting import until
from tests.process import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is for a Linux host")

_SCRIPT = ROOT / "ansible/files/hold_lock.sh"
# Starts the unit, and returns when it is ready or has ended; the unit's process group is noted.
_SYSTEMD_RUN = f"""#!{sys.executable}
import itertools, os, pathlib, subprocess, sys, time
options = list(itertools.takewhile(lambda word: word.startswith("--"), sys.argv[1:]))
unit = next(word.removeprefix("--unit=") for word in options if word.startswith("--unit="))
notes = pathlib.Path(os.environ["UNITS"])
ready = notes / (unit + ".ready")
unit = subprocess.Popen(
    sys.argv[1 + len(options):],
    env=dict(os.environ, READY=str(ready)),
    stdout=subprocess.DEVNULL,
    start_new_session=True,
)
(notes / str(unit.pid)).touch()
while not ready.exists() and unit.poll() is None:
    time.sleep(0.01)
sys.exit(unit.poll() or 0)
"""
_SYSTEMD_NOTIFY = '#!/bin/sh\ntouch "$READY"\n'
# A process called sshd-session, below which the script runs, and which lives until its input ends.
_CONNECTION = 'sh "$0" "$@"; echo "exit code $?"; read word'


class _Run:
    """One run of the playbook: its connection, and what the script answered."""

    def __init__(self, folder: Path, name: str, wait: int) -> None:
        command: list[str | Path] = [folder / "sshd-session", "-c", _CONNECTION, _SCRIPT]
        self._connection = subprocess.Popen(
            [*command, folder / "relay/lock", name, f"{name}@laptop", str(wait)],
            env={"PATH": f"{folder}:{os.environ['PATH']}", "UNITS": str(folder / "units")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> str:
        """What the script printed, and its exit code."""
        assert self._connection.stdout is not None
        lines = iter(self._connection.stdout.readline, "")
        said = ""
        for line in lines:
            said += line
            if line.startswith("exit code "):
                break
        return said

    def cut_off(self) -> None:
        """The connection ends, and nobody has stopped the unit."""
        self._connection.communicate()


@pytest.fixture
def provisioning(tmp_path: Path) -> Iterator[Callable[..., _Run]]:
    """Begin a run: its name, and how many seconds it waits."""
    for name, text in (("systemd-run", _SYSTEMD_RUN), ("systemd-notify", _SYSTEMD_NOTIFY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    shutil.copy(Path("/bin/sh").resolve(), tmp_path / "sshd-session")
    (tmp_path / "units").mkdir()
    with ExitStack() as runs:

        def begin(name: str, wait: int = 60) -> _Run:
            run = _Run(tmp_path, name, wait)
            runs.callback(run.cut_off)
            return run

        yield begin
    for unit in (tmp_path / "units").glob("[0-9]*"):
        with suppress(ProcessLookupError):  # it ended with its connection
            os.killpg(int(unit.name), signal.SIGKILL)


def _is_free(lock: Path) -> bool:
    return subprocess.run(["flock", "--nonblock", lock, "true"]).returncode == 0


def test_a_second_run_is_told_who_holds_the_host(
    provisioning: Callable[..., _Run], tmp_path: Path
) -> None:
    """It does not end the first one, on a host that had no lock before either."""
    assert provisioning("alice").answer() == "exit code 0\n"
    for _ in range(2):
        refused = provisioning("bob", wait=0).answer()
        assert refused.startswith("provisioning by alice@laptop, since 20"), refused
        assert refused.endswith(" UTC\nexit code 75\n")
    assert not _is_free(tmp_path / "relay/lock")


def test_a_run_that_was_cut_off_holds_nobody_up(
    provisioning: Callable[..., _Run], tmp_path: Path
) -> None:
    """Whoever waits has the lock as soon as its connection is gone."""
    first = provisioning("alice")
    assert first.answer() == "exit code 0\n"
    second = provisioning("bob")
    first.cut_off()
    assert second.answer() == "exit code 0\n"
    lock = tmp_path / "relay/lock"
    assert lock.read_text().startswith("provisioning by bob@laptop, since 20")
    second.cut_off()
    until(lambda: _is_free(lock), "the lock is free")
