"""Ansible for a launch: quiet, with all that it said in a file."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.plan.refusal import Refusal

_ROOT = Path(__file__).parents[2]
# How Ansible tells of a task that failed; what follows is where that task stands.
_FAILURE = re.compile(
    r"\[ERROR\]: Task failed: (?:(?:Action|Module) failed: )?(.*?)\n(?:Origin: |\n)", re.S
)
_NO_REASON = "non-zero return code"  # of a command, which has said more itself
_TASK = re.compile(r"^TASK \[(?:\w+ : )?(.*)\] \*+$", re.M)
_STDERR = re.compile(r"^ +stderr: (.*?)^ +stderr_lines: ", re.S | re.M)


def play(playbook: str, log: Path, arguments: Sequence[str], environment: dict[str, str]) -> None:
    """Run a playbook to its end; Refusal has what it said last."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), f"ansible/{playbook}"]
    with log.open("ab") as file:  # as it comes: somebody may look on, or break off
        before = file.tell()
        done = subprocess.run(
            [*command, *arguments],
            cwd=_ROOT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": "ansible/ansible.cfg",
                "ANSIBLE_NOCOLOR": "1",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        said = log.read_bytes()[before:].decode(errors="replace")
        raise Refusal(f"{sentence(said)} ({playbook} said more, in {log})")


def sentence(said: str) -> str:
    """Why it failed, as the last task that failed put it; its last line where none did."""
    failures = list(_FAILURE.finditer(said))
    if not failures:
        return _last_line(said)
    reason = " ".join(failures[-1][1].split())
    if reason != _NO_REASON:
        return reason
    task = _TASK.findall(said[: failures[-1].start()])[-1:] or ["a task"]
    words = _STDERR.findall(said[failures[-1].end() :])[:1] or [reason]
    return f"{task[0]}: {_last_line(words[0])}"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it did not say why"
