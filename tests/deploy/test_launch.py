"""`make launch`: from an empty account to a relay with a certificate, stopped and run again."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.lab import engine, pebble, stack
from tests.lab.checkout import Checkout
from tests.lab.engine import BIN, run
from tests.lab.hcloud import Hetzner
from tests.lab.playbook import WITH_NAMES

pytestmark = pytest.mark.long

_DOMAIN = "relay.lab.test"
_TOKEN = "a-token-of-the-lab"
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# What GitHub's command line is asked for, noted.
_GH = """#!/bin/sh
case "$1" in
repo) echo somebody/relay ;;
*) printf '%s %s\\n' "$*" "$(head -c 60 | head -n 1)" >>"$GH_LOG" ;;
esac
"""


class Laptop:
    """Somebody's machine: a checkout, a home, a token for the cloud."""

    def __init__(
        self, folder: Path, hetzner: Hetzner, mirrors: tuple[str, ...], sockets: str
    ) -> None:
        self.folder = folder
        self.checkout = Checkout.make(folder / "relay", {})
        self.checkout.git("remote", "add", "origin", "https://github.com/somebody/relay.git")
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(_GH)
        (folder / "bin/gh").chmod(0o755)
        self.home = folder / "home"
        self.home.mkdir()
        self._arguments = " ".join(f"'{word}'" for word in mirrors)
        self._environment = {
            **{k: v for k, v in engine.environment().items() if k != "SSH_AUTH_SOCK"},
            "PATH": f"{folder / 'bin'}:{BIN}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "HCLOUD_TOKEN": _TOKEN,
            "HCLOUD_ENDPOINT": hetzner.url,
            "GH_LOG": str(folder / "gh"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        }

    @property
    def kept(self) -> Path:
        """What a launch keeps here."""
        return self.home / ".config/relay" / _DOMAIN

    async def launch(
        self, *words: str, names: dict[str, str], **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it; `names` and their addresses are all that /etc/hosts says meanwhile."""
        lines = {"localhost": "127.0.0.1", **names}
        hosts = self.folder / "hosts"
        hosts.write_text("".join(f"{address} {name}\n" for name, address in lines.items()))
        command = [
            *("unshare", "--mount", "sh", "-c", WITH_NAMES, str(hosts)),
            *(sys.executable, "-m", "infra.launch", _DOMAIN, "--arguments", self._arguments),
            *words,
        ]
        return await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=self.checkout.folder,
            env={**self._environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _bundle(folder: Path, root: str) -> Path:
    """What a machine trusts, and the lab's authority."""
    bundle = folder / "bundle.pem"
    bundle.write_text(_BUNDLE.read_text() + root)
    return bundle


@pytest.fixture
def sockets() -> Iterator[str]:
    """A folder whose path is short: that of a socket has 107 bytes at the most."""
    with tempfile.TemporaryDirectory(prefix="cp") as folder:
        yield folder


@pytest.fixture
async def hetzner() -> AsyncIterator[Hetzner]:
    """A project without anything in it, at the cloud."""
    stack.require_images()
    async with Hetzner(_TOKEN) as hetzner:
        yield hetzner


async def test_from_an_empty_account_to_a_deployed_relay(
    hetzner: Hetzner, lab: tuple[str, ...], tmp_path: Path, sockets: str
) -> None:
    """It stops where the DNS record is missing, goes on there, and a third run changes nothing.

    Nobody's word is taken for who the server is: its key was made here.
    """
    if os.geteuid():
        engine.refuse("only root gives a launch names of its own")
    laptop = Laptop(tmp_path, hetzner, lab, sockets)
    stopped = await laptop.launch("--wait", "0", names={})
    assert stopped.returncode == 1, stopped.stdout
    (machine,) = hetzner.project.machines.values()
    last = stopped.stdout.splitlines()[-1]
    assert last.startswith(f"relay: {_DOMAIN} does not resolve: make the record above")
    assert f"{_DOMAIN}.  A     {machine.address}" in stopped.stdout
    injected = (laptop.kept / "host.pub").read_text().split()[1]
    own = machine.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert injected != own
    assert (laptop.kept / "known_hosts").read_text() == f"{machine.address} ssh-ed25519 {own}\n"

    names = {_DOMAIN: machine.address}
    with pebble.running(tmp_path, machine.address) as issuer:
        bundle = _bundle(tmp_path, issuer.root())
        lab_only = {"ACME_CA": issuer.directory, "SSL_CERT_FILE": str(bundle)}
        done = await laptop.launch(names=names, **lab_only)
        assert done.returncode == 0, done.stdout[-6000:]
        assert "[6/6] the repository's secrets and variables" in done.stdout
        assert f"https://{_DOMAIN}/ serves." in done.stdout
        answer = run(
            *("curl", "-sS", "--noproxy", "*", "--cacert", bundle, "--max-time", "60"),
            *("--resolve", f"{_DOMAIN}:443:{machine.address}", f"https://{_DOMAIN}/health"),
        )
        assert json.loads(answer)["commit"] == laptop.checkout.git("rev-parse", "HEAD")
        again = await laptop.launch(names=names, **lab_only)
        assert again.returncode == 0, again.stdout[-6000:]
        assert "serves already" in again.stdout
        assert len(hetzner.project.servers) == 1

    told = (tmp_path / "gh").read_text()
    assert f"secret set HETZNER_HOST --repo somebody/relay {machine.address}\n" in told
    assert "secret set HETZNER_SSH_KEY --repo somebody/relay -----BEGIN OPENSSH" in told
    assert f"variable set HETZNER_HOST_KEY --repo somebody/relay {machine.address} ssh-" in told
    assert f"variable set RELAY_DOMAIN --repo somebody/relay {_DOMAIN}\n" in told
    deploy, root = laptop.kept / "deploy", laptop.kept / "root"
    assert machine.ssh("true", user="deploy", key=deploy).returncode == 0
    assert machine.ssh("true", user="root", key=deploy).returncode == 255
    assert machine.ssh("true", user="root", key=root).returncode == 0
