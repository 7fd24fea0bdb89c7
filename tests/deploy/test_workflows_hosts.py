"""The real workflows, run by act, where the secret names two hosts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import provisioned, stack
from tests.lab.act import act
from tests.lab.checkout import Checkout
from tests.lab.engine import ROOT, run
from tests.lab.registry import Registry
from tests.lab.release_host import ReleaseHost
from tests.lab.vps import Vps, private_key

pytestmark = pytest.mark.long

# Where results cannot be published: a deploy that was good stays so.
_NOWHERE = "/nowhere/pages.git"


@dataclass(frozen=True)
class Project:
    """A clone as GitHub has it, and two hosts without a domain, as behind a load balancer."""

    checkout: Checkout
    hosts: tuple[ReleaseHost, ReleaseHost]

    def act(self, event: str, workflow: str) -> str:
        """Run a workflow with what docs/cluster.md tells people to set."""
        given = self.checkout.environment
        return act(
            *(self.checkout.folder, event, workflow),
            secrets={name: given[name] for name in ("HETZNER_HOST", "HETZNER_SSH_KEY")},
            variables={"HETZNER_HOST_KEY": given["HETZNER_HOST_KEY"]},
            environment={
                # One test stands for all of them: they run anyway, before this one or after.
                "PYTEST_ADDOPTS": "-k test_names_in_use",
                "PAGES_REMOTE": _NOWHERE,
                "DURATION": "2",
            },
            names={},
        )

    def serve(self) -> list[str]:
        """The commit of each host."""
        return [str(host.health()["commit"]) for host in self.hosts]


@pytest.fixture
def project(registry: Registry, lab: tuple[str, ...], tmp_path: Path) -> Iterator[Project]:
    """Hosts with a first release."""
    stack.require_images()  # so that the workflow's own build finds its layers
    run("git", "clone", "--quiet", ROOT, tmp_path / "checkout")
    servers: list[Vps] = []
    try:
        for _ in range(2):
            servers.append(provisioned.boot(registry, lab))
        addresses = [vps.address for vps in servers]
        keys = [vps.run("cat /etc/ssh/ssh_host_ed25519_key.pub") for vps in servers]
        environment = {
            "HETZNER_HOST": "\n".join(addresses),
            "HETZNER_SSH_KEY": private_key().read_text(),
            "HETZNER_HOST_KEY": "\n".join(map(" ".join, zip(addresses, keys, strict=True))),
        }
        checkout = Checkout(tmp_path / "checkout", environment)
        checkout.deploy("--witnesses", "0").succeeded()
        first, second = (ReleaseHost(vps) for vps in servers)
        yield Project(checkout, (first, second))
    finally:
        for vps in servers:
            vps.destroy()


def test_a_push_goes_to_both_hosts_and_so_does_the_way_back(project: Project) -> None:
    """One after the other, each by its own host key; each is asked whether it serves.

    That their results cannot be published is told, and fails nothing.
    """
    before = project.serve()[0]
    pushed = project.checkout.commit("The next release")
    log = project.act("push", "deploy")
    assert project.serve() == [pushed] * 2
    for number in (1, 2):
        assert f"Smoke test of the address of host {number}: a message took" in log
    assert set(re.findall(r"handshakes failed \| (.*?) \|", log)) == {"0"}
    assert set(re.findall(r"\| closed \| (.*?) \|", log)) == {"none"}
    assert f"{_NOWHERE}' does not appear to be a git repository" in log
    assert "nothing says which host key" not in log
    assert private_key().read_text().splitlines()[1] not in log
    first, second = (host.current() for host in project.hosts)
    assert first == second

    log = project.act("workflow_dispatch", "watch")
    assert log.count("all is well: a message came through, and the host has what it needs") == 2

    project.act("workflow_dispatch", "rollback")
    assert project.serve() == [before] * 2
