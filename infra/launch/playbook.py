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
_FAILURE = re.compile(r"\[ERROR\]: Task failed: (?:Action failed: )?(.*?)\n(?:Origin: |\n)", re.S)


def play(playbook: str, log: Path, arguments: Sequence[str], environment: dict[str, str]) -> None:
    """Run a playbook to its end; Refusal has what it said last."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), f"ansible/{playbook}"]
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
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with log.open("a") as file:
        file.write(done.stdout)
    if done.returncode:
        raise Refusal(f"{sentence(done.stdout)} ({playbook} said more, in {log})")


def sentence(said: str) -> str:
    """Why it failed, as the task put it; its last line where no task did."""
    match = _FAILURE.search(said)
    if match:
        return " ".join(match[1].split())
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it did not say why"
