"""Servers to provision and to deploy to. They take a while, so tests share them."""

import json
from collections.abc import Iterator
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.lab import images, provisioned, stack
from tests.lab.checkout import Checkout
from tests.lab.registry import Registry
from tests.lab.release_host import ReleaseHost
from tests.lab.vps import Vps, private_key

_DISK = 2_500_000_000  # bytes: Caddy, five releases, an image built there, and room to fill up


# Files that share a server, and take turns.
_SHARING: Final = (
    (
        *("test_bad_releases.py", "test_deploy.py", "test_operating.py"),
        *("test_refused_deploys.py", "test_rollback.py", "test_under_load.py"),
    ),
    ("test_caddy.py", "test_firewall.py", "test_provision.py", "test_settings.py"),
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Have each server belong to one process, whatever --dist says."""
    return _ByServer(config, log)


class _ByServer(LoadScopeScheduling):  # type: ignore[misc]  # without types
    """The tests of a file stay together, and those of files that share a server.

    Not --dist=loadgroup: what pytest-xdist 3.8 changes to mark a group is not read by pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].rpartition("/")[2]
        return next((files[0] for files in _SHARING if file in files), file)


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """Where the servers pull official images from."""
    images.require(images.VPS, images.PYTHON, images.CADDY, images.LAB_CADDY)
    with Registry() as registry:
        yield registry


@pytest.fixture(scope="session")
def lab(registry: Registry) -> tuple[str, ...]:
    """What a playbook has to be told about the lab, as arguments."""
    return ("-e", json.dumps({"docker_registry_mirrors": [registry.url]}))


@pytest.fixture
def bare_vps() -> Iterator[Vps]:
    """A server on its first day."""
    vps = Vps.boot()
    try:
        yield vps
    finally:
        vps.destroy()


@pytest.fixture(scope="session")
def provisioned_vps(registry: Registry, lab: tuple[str, ...]) -> Iterator[Vps]:
    """A server that is ready for releases and has none; shared by the tests of this process."""
    vps = provisioned.boot(registry, lab)
    try:
        yield vps
    finally:
        vps.destroy()


@pytest.fixture(scope="session")
def release_host(registry: Registry, lab: tuple[str, ...]) -> Iterator[ReleaseHost]:
    """A server that takes releases, shared by all tests that deploy; its engine has little room."""
    stack.require_images()  # so that a deploy's own build finds its layers
    vps = provisioned.boot(registry, lab, disk=_DISK)
    try:
        yield ReleaseHost(vps)
    finally:
        vps.destroy()


@pytest.fixture(scope="session")
def checkout(release_host: ReleaseHost, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that deploys there as the user `deploy`, and has deployed its first release."""
    environment = {
        "HETZNER_HOST": release_host.address,
        "HETZNER_SSH_KEY": private_key().read_text(),
        "HETZNER_HOST_KEY": release_host.vps.run("cat /etc/ssh/ssh_host_ed25519_key.pub"),
    }
    checkout = Checkout.make(tmp_path_factory.mktemp("checkout") / "relay", environment)
    checkout.deploy().succeeded()
    return checkout
