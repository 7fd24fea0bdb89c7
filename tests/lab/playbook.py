"""Ansible as people run it: one command, and what it said."""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.engine import BIN, ROOT
from tests.lab.vps import SSH_OPTIONS, Vps, private_key

_RECAP: Final = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+) ", re.MULTILINE)
# Settings of the shell that runs the tests must not reach a playbook.
_OURS: Final = ("ANSIBLE_", "HETZNER_", "HCLOUD_", "RELAY_", "ACME_", "SSH_AUTH_SOCK")
# In a mount namespace of its own: this machine's /etc/hosts stays as it is.
WITH_NAMES: Final = 'mount --bind "$0" /etc/hosts && exec "$@"'


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    output: str

    @property
    def words(self) -> str:
        """What was printed, as one line: Ansible breaks sentences where it likes."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        """How many tasks changed something; a run that never got to tasks fails here."""
        recap = _RECAP.search(self.output)
        assert recap is not None, self.output[-3000:]
        return int(recap[1])

    def succeeded(self) -> "Outcome":
        assert self.code == 0, self.output[-5000:]
        return self

    def refused(self, sentence: str) -> "Outcome":
        """Assert that it failed, and said this."""
        assert self.code != 0, self.output[-3000:]
        assert sentence in self.words, self.output[-3000:]
        return self


def play(
    playbook: str, *arguments: str, names: dict[str, str] | None = None, **environment: str
) -> Outcome:
    """Run a playbook of `ansible/` from the root of the repository.

    `names` and their addresses are all that /etc/hosts says meanwhile, to this run alone.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    command = (str(BIN / "ansible-playbook"), f"ansible/{playbook}", *arguments)
    with tempfile.TemporaryDirectory(prefix="play") as folder:
        if names is not None:
            hosts = Path(folder) / "hosts"
            hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()))
            root = () if os.geteuid() == 0 else ("--map-root-user",)
            command = ("unshare", "--mount", *root, "sh", "-c", WITH_NAMES, str(hosts), *command)
        # A master connection outlives the run, and addresses of servers come back.
        sockets = Path(folder) / "ssh"
        sockets.mkdir()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={
                **clean,
                "PATH": f"{BIN}:{clean['PATH']}",
                "ANSIBLE_CONFIG": "ansible/ansible.cfg",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for socket in sockets.iterdir():
            subprocess.run(["ssh", "-q", "-O", "exit", "-S", socket, "-"], capture_output=True)
    return Outcome(done.returncode, done.stdout)


def provision(
    vps: Vps,
    *arguments: str,
    user: str = "root",
    names: dict[str, str] | None = None,
    **environment: str,
) -> Outcome:
    """Run provision.yml against a server, by the command that the README gives."""
    return play(
        "provision.yml",
        *("-i", f"{vps.address},", "-u", user, "--private-key", str(private_key())),
        *("--ssh-common-args", " ".join(SSH_OPTIONS), *arguments),
        names=names,
        **environment,
    )
