"""The real workflows, run by act with the three secrets: from a bare server to a second release."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import pebble, stack
from tests.lab.act import act
from tests.lab.engine import ROOT, run
from tests.lab.pebble import Pebble
from tests.lab.registry import Registry
from tests.lab.vps import Vps, private_key

pytestmark = pytest.mark.long

_DOMAIN = "relay.test"
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Project:
    """A clone as GitHub has it, and the server that the secrets of its repository name."""

    checkout: Path
    deploy_key: Path  # which is not root's
    vps: Vps
    issuer: Pebble
    environment: dict[str, str]

    def act(self, event: str, workflow: str, **variables: str) -> str:
        return act(
            *(self.checkout, event, workflow),
            secrets={
                "HETZNER_HOST": self.vps.address,
                # As a browser on Windows pastes it.
                "HETZNER_SSH_KEY": self.deploy_key.read_text().strip().replace("\n", "\r\n"),
                "ROOT_SSH_KEY": private_key().read_text().strip().replace("\n", "\r\n"),
            },
            variables={"RELAY_DOMAIN": _DOMAIN, **variables},
            environment=self.environment,
            names={_DOMAIN: self.vps.address},
        )

    def commit(self) -> str:
        return run("git", "-C", self.checkout, "rev-parse", "HEAD").strip()

    def serves(self, commit: str) -> bool:
        try:
            return self.health()["commit"] == commit
        except (AssertionError, ValueError):  # nobody answers, or not with JSON
            return False

    def health(self) -> dict[str, object]:
        """Ask through TLS, whose chain ends at the authority's root and nowhere else."""
        root = self.checkout.parent / "root.pem"
        root.write_text(self.issuer.root())
        answer = run(
            *("curl", "-sS", "--noproxy", "*", "--cacert", root, "--max-time", "60"),
            *("--resolve", f"{_DOMAIN}:443:{self.vps.address}", f"https://{_DOMAIN}/health"),
        )
        health: dict[str, object] = json.loads(answer)
        return health


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What GitHub has: what is committed here."""
    run("git", "clone", "--quiet", ROOT, tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def project(registry: Registry, clone: Path, tmp_path: Path) -> Iterator[Project]:
    """A clone of this repository, a server on its first day, an authority, a branch for results."""
    stack.require_images()  # so that the workflow's own build finds its layers
    run("git", "init", "--quiet", "--bare", tmp_path / "pages.git")
    deploy_key = tmp_path / "deploy"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", deploy_key)
    told = {
        "docker_registry_mirrors": [registry.url],
        "relay_host_deploy_keys": [deploy_key.with_suffix(".pub").read_text().strip()],
    }
    vps = Vps.boot()
    try:
        with pebble.running(tmp_path, vps.address) as issuer:
            bundle = tmp_path / "bundle.pem"
            bundle.write_text(_BUNDLE.read_text() + issuer.root())
            environment = {
                "ACME_CA": issuer.directory,
                "SSL_CERT_FILE": str(bundle),
                "CURL_CA_BUNDLE": str(bundle),
                "ARGS": f"-e {json.dumps(json.dumps(told))}",
                # One test stands for all of them: they run anyway, before this one or after.
                "PYTEST_ADDOPTS": "-k test_names_in_use",
                "PAGES_REMOTE": str(tmp_path / "pages.git"),
                "DURATION": "2",
            }
            yield Project(clone, deploy_key, vps, issuer, environment)
    finally:
        vps.destroy()


def test_from_a_bare_server_to_the_second_release(project: Project, tmp_path: Path) -> None:
    """provision.yml, then deploy.yml for one push and another; each served by verified TLS.

    Then the way back by a button, a look at it all, and a reboot, after which the site is back by
    itself. The key that deploys is not root's.
    """
    log = project.act("workflow_dispatch", "provision")
    assert "ready for releases" in log
    assert "HETZNER_HOST_KEY is not set, so whatever answers is trusted" in log
    # As it stands in the log, where GitHub has hidden the address.
    host_key = next(line for line in log.splitlines() if "msg: *** ssh-ed25519 " in line)
    host_key = "*** ssh-ed25519 " + host_key.split("ssh-ed25519 ")[1].split("\x1b")[0]

    log = project.act("push", "deploy", HETZNER_HOST_KEY=host_key)
    assert "nothing says which host key" not in log
    first = project.health()
    assert first["commit"] == project.commit()
    assert first["deployed_by"] != "unknown"

    readme = project.checkout / "README.md"
    readme.write_text(readme.read_text() + "\nThe next release.\n")
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@relay.test")
    run("git", "-C", project.checkout, *author, "commit", "-qam", "The next release")
    log = project.act("push", "deploy", HETZNER_HOST_KEY=host_key)
    assert project.health()["commit"] == project.commit() != first["commit"]
    assert "handshakes failed | 0 |" in log
    assert f"Smoke test of {_DOMAIN}: a message took" in log
    assert private_key().read_text().splitlines()[1] not in log
    assert project.vps.ssh("true", key=project.deploy_key).returncode == 255

    log = project.act("workflow_dispatch", "rollback", HETZNER_HOST_KEY=host_key)
    assert project.health()["commit"] == first["commit"]
    assert f"Smoke test of {_DOMAIN}: a message took" in log
    log = project.act("workflow_dispatch", "watch", HETZNER_HOST_KEY=host_key)
    assert "all is well: a message came through, and the host has what it needs" in log

    project.vps.reboot()
    back = str(first["commit"])
    project.vps.wait_until(lambda: project.serves(back), "the site is back")

    pages = run("git", "-C", tmp_path / "pages.git", "ls-tree", "-r", "--name-only", "gh-pages")
    assert len([name for name in pages.split() if name.endswith(".json")]) == 2


@pytest.mark.parametrize(
    ("event", "workflow", "key"),
    [("push", "deploy", "HETZNER_SSH_KEY"), ("workflow_dispatch", "provision", "ROOT_SSH_KEY")],
)
def test_without_secrets_everything_is_skipped_and_nothing_fails(
    clone: Path, event: str, workflow: str, key: str
) -> None:
    """The first job says which are missing, and how to add them."""
    log = act(
        *(clone, event, workflow),
        secrets={"ANOTHER": "of-the-lab"},
        variables={},
        environment={},
        names={},
    )
    assert f"missing secrets: HETZNER_HOST {key};" in log
    assert f"gh secret set {key}" in log
    assert "make deploy" not in log
    assert "make test" not in log
    assert "make provision" not in log
