"""Ansible as people run it: one command, and what it said."""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.engine import BIN
from tests.lab.vps import SSH_OPTIONS, Vps, private_key

ROOT: Final = Path(__file__).parents[2]
_RECAP: Final = re.compile(
    r"^\S+ +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.M
)
# Settings of the shell that runs the tests must not reach a playbook.
_OURS: Final = ("ANSIBLE_", "HETZNER_", "HCLOUD_", "RELAY_", "ACME_", "SSH_AUTH_SOCK")


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something; a run that never got to tasks fails here."""
        recap = _RECAP.search(self.output)
        assert recap is not None, self.output[-3000:]
        return int(recap[2])

    def succeeded(self) -> "Outcome":
        assert self.code == 0, self.output[-5000:]
        return self

    def refused(self, sentence: str) -> "Outcome":
        """Assert that it failed, and said this; where it breaks lines does not count."""
        assert self.code != 0, self.output[-3000:]
        assert sentence in " ".join(self.output.split()), self.output[-3000:]
        return self


def play(playbook: str, *arguments: str, **environment: str) -> Outcome:
    """Run a playbook of `ansible/` from the root of the repository."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # A master connection outlives the run, and addresses of servers come back.
    with tempfile.TemporaryDirectory(prefix="cp") as sockets:
        done = subprocess.run(
            [BIN / "ansible-playbook", f"ansible/{playbook}", *arguments],
            cwd=ROOT,
            env={
                **clean,
                "PATH": f"{BIN}:{clean['PATH']}",
                "ANSIBLE_CONFIG": "ansible/ansible.cfg",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for socket in Path(sockets).iterdir():
            subprocess.run(["ssh", "-q", "-O", "exit", "-S", socket, "-"], capture_output=True)
    return Outcome(done.returncode, done.stdout)


def provision(vps: Vps, *arguments: str, user: str = "root", **environment: str) -> Outcome:
    """Run provision.yml against a server, by the command that the README gives."""
    return play(
        "provision.yml",
        *("-i", f"{vps.address},", "-u", user, "--private-key", str(private_key())),
        *("--ssh-common-args", " ".join(SSH_OPTIONS), *arguments),
        **environment,
    )
