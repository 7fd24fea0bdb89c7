"""Two hosts whose relays share their rooms: made by one inventory, deployed one after the other."""

import asyncio
import itertools
import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from infra.watch.witness import Swarm
from tests.lab import stack
from tests.lab.checkout import Checkout
from tests.lab.engine import ROOT
from tests.lab.playbook import play
from tests.lab.release_host import ReleaseHost
from tests.lab.vps import SSH_OPTIONS, Vps, private_key
from tests.lab.waiting import LIMIT

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

_TOKEN = "0123456789abcdef0123456789abcdef"
_METRICS = (
    'import urllib.request as r; print(r.urlopen("http://127.0.0.1:8080/metrics").read().decode())'
)
_CLIENTS = 12  # in each room, half of them at each host
_ROOMS = 4


@dataclass(frozen=True)
class Cluster:
    """Two hosts; the first one has the server of NATS, too."""

    hosts: tuple[ReleaseHost, ReleaseHost]
    inventory: Path
    lab: tuple[str, ...]

    def provision(self, *arguments: str) -> None:
        """One after the other, by the command that docs/cluster.md gives."""
        play(
            *("provision.yml", "-i", str(self.inventory), "-u", "root"),
            *("--private-key", str(private_key()), "--ssh-common-args", " ".join(SSH_OPTIONS)),
            *(*self.lab, *arguments),
            NATS_TOKEN=_TOKEN,
        ).succeeded()

    def connections(self) -> list[int]:
        """How many clients each relay has, as it counts them itself."""
        ask = f"docker exec $(docker ps -q -f name=relay-relay) python -IS -c '{_METRICS}'"
        count = f"{ask} | sed -n 's/^relay_connections //p'"
        return [int(float(host.vps.run(count))) for host in self.hosts]


@pytest.fixture(scope="module")
def cluster(lab: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Bare servers, made hosts by one run over both."""
    stack.require_images()  # so that a deploy's own build finds its layers
    servers: list[Vps] = []
    try:
        servers += [Vps.boot(), Vps.boot()]
        first, second = servers
        addresses = {vps.address: {"nats_address": vps.bridge_address} for vps in servers}
        inventory = tmp_path_factory.mktemp("inventory") / "cluster.yml"
        groups = {"relay": {"hosts": addresses}, "nats": {"hosts": {first.address: None}}}
        inventory.write_text(json.dumps(groups))
        cluster = Cluster((ReleaseHost(first), ReleaseHost(second)), inventory, lab)
        for vps in servers:  # which the role that is left out would do
            vps.run("apt-get update -qq")
        cluster.provision("--skip-tags", "base,ssh,tuning")
        yield cluster
    finally:
        for vps in servers:
            vps.destroy()


@pytest.fixture(scope="module")
def fleet(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that deploys to both, and has deployed its first release."""
    addresses = [host.address for host in cluster.hosts]
    keys = [host.vps.run("cat /etc/ssh/ssh_host_ed25519_key.pub") for host in cluster.hosts]
    environment = {
        "HETZNER_HOST": ",".join(addresses),
        "HETZNER_SSH_KEY": private_key().read_text(),
        "HETZNER_HOST_KEY": "\n".join(map(" ".join, zip(addresses, keys, strict=True))),
    }
    checkout = Checkout.make(tmp_path_factory.mktemp("fleet") / "relay", environment)
    checkout.deploy("--witnesses", "0").succeeded()
    return checkout


class _InTurn(ThreadedResolver):
    """A name that leads to one host after the other, as DNS and load balancers do."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = itertools.cycle(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await super().resolve(next(self._addresses), port, family)


def _reaches(vps: Vps, address: str, port: int) -> bool:
    """Whether a server gets a connection there; a filter that drops answers nothing."""
    program = (
        "import socket, sys;"
        f"socket.create_connection(('{address}', {port}), 5).recv(4)"  # NATS speaks first
    )
    return vps.run(f'python3 -c "{program}" && echo yes', check=False).strip() == "yes"


def test_nats_is_reached_by_the_hosts_of_the_inventory_alone(cluster: Cluster) -> None:
    """By both, and by nobody else who can send packets there."""
    first, second = (host.vps for host in cluster.hosts)
    assert _reaches(first, first.bridge_address, 4222)
    assert _reaches(second, first.bridge_address, 4222)
    with pytest.raises(OSError):
        socket.create_connection((first.bridge_address, 4222), 5)
    config = first.run("stat --format '%a %U %G' /etc/nats-server.conf").strip()
    assert config == "640 root nats"
    assert second.run("test -e /etc/nats-server.conf || echo none").strip() == "none"


async def test_members_at_both_hosts_talk_on_through_a_deploy(
    cluster: Cluster, fleet: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is closed and nothing is lost or repeated, also where the next release is bad.

    A bad one is taken back at the first host, and the second one is not touched.
    """
    first, second = cluster.hosts
    connector = aiohttp.TCPConnector(
        resolver=_InTurn(first.address, second.address), use_dns_cache=False, limit=0
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        swarm = Swarm(
            *(session, "ws://relay.test"),
            room="cluster",
            rooms=_ROOMS,
            clients=_CLIENTS,
            rate=2,
            tokens={},
            patience=LIMIT,
        )
        async with swarm.connected():
            half = _ROOMS * _CLIENTS // 2
            assert await asyncio.to_thread(cluster.connections) == [half, half]
            good = fleet.commit("A release for both")
            deployed = await asyncio.to_thread(fleet.deploy)
            assert deployed.succeeded()
            assert [host.health()["commit"] for host in cluster.hosts] == [good, good]
            releases = [host.current() for host in cluster.hosts]
            assert releases[0] == releases[1]
            mute = f"{(ROOT / 'Dockerfile.relay').read_text()}ENV RELEASE_COMMIT=another\n"
            fleet.commit("A bad release", {"Dockerfile.relay": mute})
            refused = await asyncio.to_thread(fleet.deploy)
            refused.refused(f"release {releases[0]} serves again")
            assert f"failed: {first.address}; untouched: {second.address}" in refused.output
            assert [host.current() for host in cluster.hosts] == releases
            assert len(second.releases()) == 2
            assert await asyncio.to_thread(cluster.connections) == [half, half]
            await swarm.hush()
        figures = swarm.figures()
    with capsys.disabled():
        print(
            f"\n{figures['clients']} members at two hosts: {figures['said']} messages, longest"
            f" silence {figures['silence']} s",
            file=sys.stderr,
            flush=True,
        )
    wrong = ("lost", "missed", "unread", "repeated", "reordered", "leaked", "corrupted")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert (figures["handshakes_failed"], figures["closes"], figures["reconnected"]) == (0, {}, 0)
    assert deployed.output.count("| closed | none |") == 2


def test_a_token_of_one_host_is_good_at_the_other(cluster: Cluster) -> None:
    """The secret that signs them is made at the first host, and taken over by the second."""
    cluster.provision("--tags", "relay_host", "-e", json.dumps({"relay_host_tokens": True}))
    secrets = {host.vps.run("cat /opt/relay/jwt_secret") for host in cluster.hosts}
    assert len(secrets) == 1
    settings = [host.vps.run("cat /opt/relay/.env") for host in cluster.hosts]
    url = f"NATS_URL=nats://{_TOKEN}@{cluster.hosts[0].vps.bridge_address}:4222\n"
    assert all(url in text for text in settings)
