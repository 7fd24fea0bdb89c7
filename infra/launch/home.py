"""What a launch keeps on this machine: keys, the server's address, which host key to expect."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.plan.access import Access
from infra.plan.refusal import Refusal


@dataclass(frozen=True)
class Home:
    """One directory a domain, that nobody else reads: ~/.config/relay/DOMAIN."""

    directory: Path

    @classmethod
    def of(cls, domain: str) -> "Home":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        directory = config / "relay" / domain.lower()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(directory)

    def deploying(self) -> Access:
        """How the user who may deploy reaches the server that was launched."""
        known = self._lines()
        if not known or not self.deploy_key.exists():
            raise Refusal(
                f"nothing was launched for {self.directory.name} from this machine: name the host,"
                " as in HOST=203.0.113.7"
            )
        return Access(known[0].split()[0], "deploy", self.deploy_key, self.known_hosts)

    @property
    def root_key(self) -> Path:
        """Opens the server as root; it stays here."""
        return self.directory / "root"

    @property
    def deploy_key(self) -> Path:
        """May deploy; GitHub gets it."""
        return self.directory / "deploy"

    @property
    def host_key(self) -> Path:
        """The server's own at first: it travels with the order, so whoever answers can be told."""
        return self.directory / "host"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def log(self) -> Path:
        """What the playbooks said."""
        return self.directory / "log"

    @property
    def server(self) -> dict[str, Any]:
        """`id`, `address`, `address6` and `type`; empty before it is made."""
        file = self.directory / "server.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return found

    def make_keys(self) -> list[str]:
        """Make those that are not there; return which."""
        made = []
        for key in (self.root_key, self.deploy_key, self.host_key):
            if not key.exists():
                comment = f"relay {key.name} {self.directory.name}"
                words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key)
                done = subprocess.run(words, capture_output=True, text=True)
                if done.returncode:
                    raise Refusal(f"no key can be made: {done.stderr.strip()}")
                made.append(key.name)
        return made

    def public(self, key: Path) -> str:
        return key.with_name(f"{key.name}.pub").read_text().strip()

    def expect(self, address: str, key: str) -> None:
        """Trust only a host there with this key."""
        self.known_hosts.write_text(f"{_line(address, key)}\n")

    def expect_also(self, address: str, key: str) -> None:
        """Trust a host there with this key, too."""
        with self.known_hosts.open("a") as file:
            file.write(f"{_line(address, key)}\n")

    def expects(self, address: str, key: str) -> bool:
        return _line(address, key) in self._lines()

    def knows(self, address: str) -> bool:
        """Whether it is on record which key a host there has."""
        return any(line.startswith(f"{address} ") for line in self._lines())

    def _lines(self) -> list[str]:
        return self.known_hosts.read_text().splitlines() if self.known_hosts.exists() else []


def _line(address: str, key: str) -> str:
    """As known_hosts has it, without the key's comment."""
    return f"{address} {' '.join(key.split()[:2])}"
