"""Servers to provision and to deploy to. They take a while, so tests share them."""

import json
from collections.abc import Iterator

import pytest

from tests.lab import images
from tests.lab.playbook import provision
from tests.lab.registry import Registry
from tests.lab.vps import Vps


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """Where the servers pull caddy:2 from."""
    images.require(images.VPS, images.CADDY, images.LAB_CADDY)
    with Registry({images.CADDY: images.LAB_CADDY}) as registry:
        yield registry


@pytest.fixture(scope="session")
def lab(registry: Registry) -> tuple[str, ...]:
    """What a playbook has to be told about the lab, as arguments."""
    return ("-e", json.dumps({"docker_registry_mirrors": [registry.url]}))


@pytest.fixture
def bare_vps() -> Iterator[Vps]:
    """A server on its first day."""
    images.require(images.VPS)
    vps = Vps.boot()
    yield vps
    vps.destroy()


@pytest.fixture(scope="session")
def provisioned_vps(lab: tuple[str, ...]) -> Iterator[Vps]:
    """A server that is ready for releases and has none; shared by the tests of this process."""
    vps = Vps.boot()
    try:
        provision(vps, *lab).succeeded()
        yield vps
    finally:
        vps.destroy()
