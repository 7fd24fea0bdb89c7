"""How to reach the host: address, user, key, the host's own key; for OpenSSH and paramiko."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.plan.refusal import Refusal

_CONNECT_TIMEOUT = 15  # seconds
_SILENCE = 30  # seconds without an answer until a connection counts as cut


def named(text: str) -> list[str]:
    """The hosts that HETZNER_HOST or HOST= names, separated by commas or white space; each once."""
    return list(dict.fromkeys(text.replace(",", " ").split()))


@dataclass(frozen=True)
class Access:
    """One host over SSH. Without a key the user's own agent and keys are asked."""

    host: str
    user: str
    key: Path | None
    known_hosts: Path | None  # none: the user's own file, where a new host is added

    @classmethod
    def prepare(
        cls,
        host: str,
        user: str,
        key_text: str,
        host_key: str,
        directory: Path,
        *,
        is_only: bool = True,
    ) -> "Access":
        """Check what was given and lay it down in `directory`, which only the caller can read.

        `host_key` may have lines of several hosts; not `is_only`: this host's have to name it.
        """
        if not host:
            raise Refusal(
                "HETZNER_HOST is not set: name the host, as in make deploy HOST=203.0.113.7"
            )
        key = _key_file(key_text, directory / "key") if key_text.strip() else None
        known_hosts = None
        if host_key.strip():
            known_hosts = directory / "known_hosts"
            known_hosts.write_text(_known_hosts(host, host_key, is_only))
        else:
            # Where a new host's key is added, which pyinfra does only to a file that is there.
            own = Path.home() / ".ssh"
            own.mkdir(mode=0o700, exist_ok=True)
            (own / "known_hosts").touch(mode=0o600)
        return cls(host, user, key, known_hosts)

    @property
    def owner(self) -> str | None:
        """To whom root hands over what a release leaves on the host; none: it is that user's."""
        return "deploy" if self.user == "root" else None

    @property
    def address(self) -> str:
        """Where the host is when asked without SSH: its name may be one of ~/.ssh/config only."""
        shown = subprocess.run(["ssh", "-G", self.host], capture_output=True, text=True).stdout
        lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if " " in line)
        return lines.get("hostname", self.host)

    @property
    def ssh(self) -> list[str]:
        """The command line up to the remote command."""
        options = [
            "BatchMode=yes",
            f"ConnectTimeout={_CONNECT_TIMEOUT}",
            "ServerAliveInterval=5",
            f"ServerAliveCountMax={_SILENCE // 5}",
            f"StrictHostKeyChecking={'yes' if self.known_hosts else 'accept-new'}",
            "LogLevel=ERROR",
        ]
        if self.known_hosts:
            options += [f"UserKnownHostsFile={self.known_hosts}", "GlobalKnownHostsFile=/dev/null"]
        if self.key:
            options += ["IdentitiesOnly=yes", "IdentityAgent=none"]
        command = ["ssh"]
        for option in options:
            command += ["-o", option]
        if self.key:
            command += ["-i", str(self.key)]
        return [*command, "-l", self.user, self.host]

    @property
    def pyinfra(self) -> dict[str, object]:
        """The same for pyinfra: host data of its SSH connector."""
        data: dict[str, object] = {
            "ssh_user": self.user,
            "ssh_strict_host_key_checking": "yes" if self.known_hosts else "accept-new",
        }
        if self.key:
            data["ssh_key"] = str(self.key)
        if self.known_hosts:
            data["ssh_known_hosts_file"] = str(self.known_hosts)
        return data

    def knock(self) -> None:
        """Log in once, and say in one sentence why that does not work."""
        done = subprocess.run(
            [*self.ssh, "true"], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode == 0:
            return
        words = done.stderr.strip() or f"exit code {done.returncode}"
        where = f"{self.user}@{self.host}"
        if "IDENTIFICATION HAS CHANGED" in words or "Host key verification failed" in words:
            raise Refusal(
                f"{self.host} does not show the host key that is on record: if the server was made"
                " anew, set HETZNER_HOST_KEY to the line that provisioning printed"
            )
        if "Permission denied" in words:
            which = "HETZNER_SSH_KEY is not the key of" if self.key else "no key of yours opens"
            raise Refusal(f"{which} {where}: {words.splitlines()[-1]}")
        raise Refusal(f"{where} cannot be reached: {words.splitlines()[-1]}")

    def host_keys(self) -> list[str]:
        """What the host shows as its key now, as known_hosts has it; empty without an answer."""
        scan = ["ssh-keyscan", "-T", "5", "-t", "ed25519", self.host]
        done = subprocess.run(scan, capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if line and not line.startswith("#")]


def _key_file(text: str, path: Path) -> Path:
    # A secret pasted in a browser has CRs and lacks the last newline: OpenSSH refuses both.
    path.touch(0o600)
    path.write_text(text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n")
    show = ["ssh-keygen", "-y", "-P", "", "-f", str(path)]
    done = subprocess.run(show, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if "passphrase" in done.stderr:
        raise Refusal(
            "HETZNER_SSH_KEY is protected by a passphrase, which nobody is here to type: make a key"
            " without one for deploys, ssh-keygen -t ed25519 -N ''"
        )
    if done.returncode:
        raise Refusal(
            "HETZNER_SSH_KEY is not a private key: it begins with a line like"
            " -----BEGIN OPENSSH PRIVATE KEY----- and the whole file belongs into the secret"
        )
    return path


def _known_hosts(host: str, text: str, is_only: bool) -> str:
    """Lines of known_hosts from such lines, or from bare keys.

    Whatever name they are given for, where there is but one host; else those given for this one.
    """
    lines = []
    for line in text.replace("\r", "\n").splitlines():
        words = line.split()
        for at, word in enumerate(words[:-1]):
            if word.startswith(("ssh-", "ecdsa-", "sk-")):
                if is_only or host in words[:at]:
                    lines.append(f"{host} {word} {words[at + 1]}\n")
                break
    if not lines:
        what = "is not a host key" if is_only else f"has no line for {host}"
        raise Refusal(
            f"HETZNER_HOST_KEY {what}: expected what provisioning printed, a line like"
            f" {host} ssh-ed25519 AAAA…"
        )
    return "".join(lines)
