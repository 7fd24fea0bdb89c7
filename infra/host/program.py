"""What a deploy asks of the host, verb by verb.

A release brings this program into its directory on the host, as one file. A deploy starts the
switch and watches it; a deploy that is cut off cannot stop it half-way.

  prepare WAIT WHO          mend what an earlier deploy left behind, remove its leftovers
  rehearse WAIT WHO         run the release apart from all clients, carry a message, remove it
  start WAIT WHO EXPECTED   put the release live, detached from this session; EXPECTED is the
                            release that has to be serving, or "any"
  progress LINES            its log after that many lines, then one line with its state
  verdict keep|back         what the deploying machine saw through the public address
  mend                      after a reboot: what prepare does first

Whoever looks after the host sends the program, too, and asks, of the directory ROOT:

  survey ROOT               what the host is like now, as JSON
  hold ROOT WHO REASON      no deploy from here on
  unhold ROOT               deploys again

All that changes anything holds the lock of the host. WAIT is how many seconds to wait for it.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from infra.host import mending, rehearsal, retention
from infra.host.directory import Directory, write
from infra.host.failure import Failure
from infra.host.host import Host
from infra.host.lock import hold
from infra.host.record import Record
from infra.host.state import Report, State, Verdict
from infra.host.survey import survey
from infra.host.switch import Switch

_BOOT_WAIT = 600.0  # seconds that mending after a reboot waits for whoever holds the lock


class Program:
    """The verbs, for the release whose directory the program lies in."""

    def __init__(self, file: Path, host: Host | None = None) -> None:
        self._file = file
        self._release = Directory(file.parent)
        self._host = host or Host.at(file.parent.parent.parent)

    def run(self, verb: str, *arguments: str) -> None:
        match verb, arguments:
            case "prepare", (wait, who):
                with self._locked(wait, who):
                    mending.mend(self._host)
                    rehearsal.remove_left_over(self._host)
                    retention.remove_unfinished(self._host, but=self._release.name)
            case "rehearse", (wait, who):
                with self._locked(wait, who):
                    rehearsal.rehearse(self._host, self._release)
            case "start", (wait, who, expected):
                self._start(wait, who, expected)
            case "switch", (wait, who, expected):
                self._switch(wait, who, expected)
            case "progress", (lines,):
                self._show_progress(int(lines))
            case "verdict", (word,):
                self._release.tell(Verdict(word))
            case "mend", ():
                with self._locked(str(_BOOT_WAIT), "the host"):
                    mending.mend(self._host)
            case "survey", (root,):
                print(json.dumps(asdict(survey(Host.at(Path(root))))))
            case "hold", (root, who, reason):
                host = Host.at(Path(root))
                why = f": {reason}" if reason else ""
                host.record.hold_back(f"{who}, since {host.clock.stamp()} UTC{why}")
            case "unhold", (root,):
                Record(Path(root)).let_go()
            case _:
                raise Failure(f"unknown verb: {' '.join((verb, *arguments))}\n{__doc__}")

    @contextmanager
    def _locked(self, wait: str, who: str) -> Iterator[None]:
        holder = f"release {self._release.name}, by {who}"
        with hold(self._host.record.root / "lock", holder, float(wait), self._host.clock):
            yield

    def _start(self, wait: str, who: str, expected: str) -> None:
        with self._release.log.open("a") as log:
            try:
                # It belongs to the file as it is open here, and so to the process that inherits
                # that: `progress` knows by it whether the switch lives.
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure(f"release {self._release.name} is being put live already") from None
            log.truncate(0)
            self._release.begin()
            switch = subprocess.Popen(
                [sys.executable, "-I", str(self._file), "switch", wait, who, expected],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        write(self._release.path / "pid", f"{switch.pid}\n")

    def _switch(self, wait: str, who: str, expected: str) -> None:
        try:
            with self._locked(wait, who):
                Switch(self._host, self._release).run(expected)
        except (Failure, OSError) as failure:
            print(failure, flush=True)
            # Later, nobody can say who serves: whoever mends finds out.
            if self._release.progress.may_become(State.FAILED):
                self._release.enter(State.FAILED, str(failure))

    def _show_progress(self, lines: int) -> None:
        with self._release.log.open() as log:
            try:
                fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
                is_alive = False
            except BlockingIOError:
                is_alive = True
            # Before the log: what the state says has been logged.
            report = Report(self._release.progress, is_alive)
            for line in log.read().splitlines()[lines:]:
                print(line)
        print(report)


def main() -> int:
    """Run the command line; return its exit code."""
    os.umask(0o022)
    try:
        Program(Path(sys.argv[0]).resolve()).run(*sys.argv[1:])
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0
