"""The real workflows, run by act with the three secrets: from a bare server to a second release."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import engine, images, pebble, stack
from tests.lab.engine import BIN, run
from tests.lab.pebble import Pebble
from tests.lab.registry import Registry
from tests.lab.vps import Vps, private_key

_DOMAIN = "relay.test"
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# In a mount namespace of its own: this machine's /etc/hosts stays as it is.
_WITH_NAMES = 'mount --bind "$0" /etc/hosts && exec "$@"'


@dataclass(frozen=True)
class Project:
    """A clone as GitHub has it, the secrets of its repository, and the server they name."""

    checkout: Path
    home: Path  # of whoever runs the workflows: nothing of this machine's user is found there
    vps: Vps
    issuer: Pebble
    environment: dict[str, str]

    def act(self, event: str, workflow: str, *words: str) -> str:
        """Run a workflow as GitHub would; return its log."""
        secrets = {
            "HETZNER_HOST": self.vps.address,
            "HETZNER_USERNAME": "root",
            # As a browser on Windows pastes it.
            "HETZNER_SSH_KEY": private_key().read_text().strip().replace("\n", "\r\n"),
        }
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        done = subprocess.run(
            [
                *("unshare", "--mount", "sh", "-c", _WITH_NAMES, self.checkout.parent / "hosts"),
                *(BIN / "act", event, "-W", f".github/workflows/{workflow}.yml"),
                *("-P", "ubuntu-24.04=-self-hosted", "--pull=false", "--no-cache-server"),
                *("--var", f"RELAY_DOMAIN={_DOMAIN}"),
                *(word for name in secrets for word in ("--secret", name)),
                *(word for pair in environment for word in ("--env", pair)),
                *words,
            ],
            cwd=self.checkout,
            env={
                **engine.environment(),
                **secrets,
                "HOME": str(self.home),
                "XDG_CACHE_HOME": str(self.home / ".cache"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def commit(self) -> str:
        return run("git", "-C", self.checkout, "rev-parse", "HEAD").strip()

    def health(self) -> dict[str, object]:
        """Ask through TLS, whose chain ends at the authority's root and nowhere else."""
        root = self.checkout.parent / "root.pem"
        root.write_text(self.issuer.root())
        answer = run(
            *("curl", "-sS", "--noproxy", "*", "--cacert", root, "--max-time", "10"),
            *("--resolve", f"{_DOMAIN}:443:{self.vps.address}", f"https://{_DOMAIN}/health"),
        )
        health: dict[str, object] = json.loads(answer)
        return health


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A clone of this repository, a server on its first day, an authority, a registry."""
    images.require(images.VPS, images.PYTHON, images.CADDY, images.LAB_CADDY)
    if os.geteuid():
        engine.refuse("only root gives a workflow names of its own")
    stack.build_relay()  # so that the workflow's own build finds its layers
    vps = Vps.boot()
    try:
        with (
            Registry({images.CADDY: images.LAB_CADDY}) as registry,
            pebble.running(tmp_path, vps.address) as issuer,
            # Not below pytest's folder: the path of a socket has 107 bytes at the most.
            tempfile.TemporaryDirectory(prefix="home") as home,
        ):
            run("git", "clone", "--quiet", stack.ROOT, tmp_path / "checkout")
            run("git", "init", "--quiet", "--bare", tmp_path / "pages.git")
            (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{vps.address} {_DOMAIN}\n")
            bundle = tmp_path / "bundle.pem"
            bundle.write_text(_BUNDLE.read_text() + issuer.root())
            lab = json.dumps({"docker_registry_mirrors": [registry.url]})
            environment = {
                "ACME_CA": issuer.directory,
                "SSL_CERT_FILE": str(bundle),
                "CURL_CA_BUNDLE": str(bundle),
                "ARGS": f"-e {json.dumps(lab)}",
                # One test stands for all of them: they run anyway, before this one or after.
                "PYTEST_ADDOPTS": "-k test_names_in_use",
                "PAGES_REMOTE": str(tmp_path / "pages.git"),
                "DURATION": "2",
            }
            yield Project(tmp_path / "checkout", Path(home), vps, issuer, environment)
    finally:
        vps.destroy()


@pytest.mark.timeout(1200)
def test_from_a_bare_server_to_the_second_release(project: Project, tmp_path: Path) -> None:
    """provision.yml, then deploy.yml for one push and another; each served by verified TLS."""
    log = project.act("workflow_dispatch", "provision")
    assert "ready for releases" in log

    log = project.act("push", "deploy")
    first = project.health()
    assert first["commit"] == project.commit()
    assert first["deployed_by"] != "unknown"

    readme = project.checkout / "README.md"
    readme.write_text(readme.read_text() + "\nThe next release.\n")
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@relay.test")
    run("git", "-C", project.checkout, *author, "commit", "-qam", "The next release")
    log = project.act("push", "deploy")
    assert project.health()["commit"] == project.commit() != first["commit"]
    assert "handshakes failed | 0 |" in log
    secret = private_key().read_text().splitlines()[1]
    assert secret not in log

    pages = run("git", "-C", tmp_path / "pages.git", "ls-tree", "-r", "--name-only", "gh-pages")
    assert len([name for name in pages.split() if name.endswith(".json")]) == 2
