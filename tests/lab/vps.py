"""A cloud server for the tests: Debian 13 with systemd, sshd, its own address and the usual ports.

It is a container that has what it takes to be provisioned: a firewall, a Docker engine with
compose inside, reboots. Only clock, swap and kernel are those of the machine that runs it.
"""

import functools
import itertools
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from tests.lab import engine, images
from tests.lab.engine import CACHE, run
from tests.lab.waiting import LIMIT, until

_LABEL: Final = "relay.lab.address"
_OWNER: Final = "relay.lab.process"
# Not --privileged: where the tests run, root may lack CAP_SYS_RESOURCE, and then that fails.
_OPTIONS: Final = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--device-cgroup-rule=a *:* rwm"),
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    *("--security-opt=systempaths=unconfined", "--cgroupns=private"),
    # As a server has it; Docker turns it off where the network has no IPv6.
    *("--sysctl=net.ipv6.conf.all.disable_ipv6=0", "--sysctl=net.ipv6.conf.default.disable_ipv6=0"),
    *("--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec"),
)
# A script; three starts a minute are all that Docker's unit allows.
RESTART_DOCKER: Final = "systemctl reset-failed docker; systemctl restart docker"
# sshd slows down a source after wrong keys; here all tests are one source.
_SSHD: Final = "PerSourcePenalties no\n"
_HOST_KEY: Final = ("etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub")


class Vps:
    """One server. `address` has its ports 22, 80 and 443; `bridge_address` has all of them."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    @classmethod
    def boot(
        cls,
        *,
        keys: tuple[str, ...] = (),
        disk: int | None = None,
        image: str = images.VPS,
        host_key: tuple[str, str] | None = None,
    ) -> Self:
        """Start a fresh server that lets in the lab's key, or `keys`, as root.

        `host_key` is its own, private and public; left out, that of the image.
        `disk` bounds what its Docker engine may store, in bytes; a reboot forgets what it holds.
        `image` is what its disk has on it.
        """
        images.require(images.VPS)
        with engine.alone("vps"):
            _remove_orphans()
            address = _free_address()
            name = f"relay-lab-vps-{address.rpartition('.')[2]}"
            run(
                *("docker", "create", "--name", name, "--hostname", name),
                *("--label", f"{_LABEL}={address}", "--label", f"{_OWNER}={os.getpid()}"),
                *_OPTIONS,
                *("-p", f"{address}:22:22", "-p", f"{address}:80:80"),
                *("-p", f"{address}:443:443", "-p", f"{address}:443:443/udp"),
                *((f"--tmpfs=/var/lib/docker:exec,suid,dev,size={disk}",) if disk else ()),
                image,
            )
        vps = cls(name, address)
        try:
            vps._furnish(keys or (public_key(),), host_key)
            run("docker", "start", name)
            vps.wait_until_up()
        except BaseException:
            vps.destroy()
            raise
        return vps

    def _furnish(self, keys: tuple[str, ...], host_key: tuple[str, str] | None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in (
                ("root/.ssh/authorized_keys", "".join(f"{key}\n" for key in keys)),
                ("etc/ssh/sshd_config.d/99-lab.conf", _SSHD),
                *zip(_HOST_KEY, host_key or (), strict=False),
            ):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
                (root / path).chmod(0o600)
            for private in (root, root / "root", root / "root/.ssh"):
                private.chmod(0o755 if private is root else 0o700)
            (root / "root/.ssh/authorized_keys").chmod(0o600)
            run("docker", "cp", f"{root}/.", f"{self.name}:/")

    @property
    def bridge_address(self) -> str:
        """The address on Docker's bridge: nothing stands between it and the server's firewall."""
        return run(
            *("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", self.name)
        ).strip()

    def run(self, script: str, *, check: bool = True) -> str:
        """Run a shell script as root, not by SSH, and return what it printed."""
        return run("docker", "exec", "-i", self.name, "sh", "-euc", script, check=check)

    def run_once(self, condition: str, script: str) -> str:
        """Run a shell script the moment a condition holds there, for what is over in a second.

        Both are of the same shell, asked every 20 ms: a question from here takes many times that.
        """
        return self.run(
            f"deadline=$(($(date +%s) + {LIMIT:.0f}))\n"
            f"until {condition}; do\n"
            f"  if [ $(date +%s) -gt $deadline ]; then echo 'it never held' >&2; exit 1; fi\n"
            f"  sleep 0.02\n"
            f"done\n{script}"
        )

    def ssh(
        self, *command: str, user: str = "root", key: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command by SSH, as the docs tell people to."""
        return subprocess.run(
            [
                *("ssh", "-q", "-i", str(key or private_key()), *SSH_OPTIONS),
                f"{user}@{self.address}",
                *command,
            ],
            capture_output=True,
            text=True,
        )

    def power_off(self) -> None:
        """Shut down in order."""
        run("docker", "stop", "--time", "60", self.name)

    def power_on(self) -> None:
        """Return at once; wait for what you need."""
        run("docker", "start", self.name)

    def reboot(self) -> None:
        """Return as soon as sshd answers again."""
        self.power_off()
        self.power_on()
        self.wait_until(self.answers_ssh, "sshd answers")

    def destroy(self) -> None:
        run("docker", "rm", "--force", "--volumes", self.name, check=False)

    def wait_until_up(self) -> None:
        """Return once systemd has started everything and sshd answers."""
        self.wait_until(
            lambda: (
                self.run("systemctl is-system-running", check=False).strip()
                in ("running", "degraded")
            ),
            "systemd is up",
        )
        self.wait_until(self.answers_ssh, "sshd answers")

    def wait_until(self, holds: Callable[[], bool], what: str) -> float:
        """Return the seconds it took until `holds` was true; fail with `what` after too many."""
        return until(holds, f"{self.name}: {what}")

    def answers_ssh(self) -> bool:
        """Whether sshd, not only Docker's forwarder, answers."""
        try:
            with socket.create_connection((self.address, 22), timeout=10) as connection:
                return connection.recv(8).startswith(b"SSH-")
        except OSError:
            return False


# The key of a server that lives for a minute is nothing for this machine to remember.
SSH_OPTIONS: Final = (
    *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
)


def _remove_orphans() -> None:
    """Remove servers of test runs that were killed."""
    for line in run(
        *("docker", "ps", "--all", "--filter", f"label={_OWNER}"),
        *("--format", f'{{{{.Names}}}} {{{{.Label "{_OWNER}"}}}}'),
    ).splitlines():
        name, owner = line.split()
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            # It may be on its way out already.
            run("docker", "rm", "--force", "--volumes", name, check=False)
        except PermissionError:  # somebody else's, and alive
            pass


def _free_address() -> str:
    taken = run(
        *("docker", "ps", "--all", "--filter", f"label={_LABEL}"),
        *("--format", f'{{{{.Label "{_LABEL}"}}}}'),
    ).split()
    return next(
        address
        for last in itertools.count(2)
        if (address := f"127.0.10.{last}") not in taken and _has_free_ports(address)
    )


def _has_free_ports(address: str) -> bool:
    for port in (22, 80, 443):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:  # no privileged port for this user: Docker has them
                return True
            except OSError:
                return False
    return True


@functools.cache
def private_key() -> Path:
    """Return the lab's private key, made at its first use."""
    key = CACHE / "id_ed25519"
    with engine.alone("key"):
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "relay lab", "-f", key)
    return key


def public_key() -> str:
    return private_key().with_suffix(".pub").read_text().strip()
