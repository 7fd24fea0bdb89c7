"""A NATS cluster of three, which keeps each entry on all: any one of them may die."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from relay.edge.nats import subjects
from relay.edge.nats.errors import Unusable
from tests.lab.ports import lasting_ports
from tests.nats.server import NatsServer
from tests.nats.site import Site, until
from tests.relay.unit.people import say

_PATIENCE = 120  # seconds for a new leader, and all that waits for it
_START = 90  # seconds for three servers to find each other, and to agree on a leader


async def _cluster(stack: AsyncExitStack, folder: Path) -> list[NatsServer]:
    ports = lasting_ports("127.0.0.1", 6)
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[3:])
    servers = []
    for at in range(3):
        config = (
            f"server_name: server{at}\n"
            f"cluster {{ name: three, listen: 127.0.0.1:{ports[3 + at]}, routes: [{routes}] }}"
        )
        server = NatsServer(folder / f"store{at}", config, port=ports[at])
        servers.append(await stack.enter_async_context(server))
    return servers


async def _site(stack: AsyncExitStack, name: str, urls: str) -> Site:
    """Start a relay as a service manager does: again, while it cannot."""
    async with asyncio.timeout(_START):
        while True:
            site = Site(name, nats_url=urls, nats_replicas=3, nats_timeout="120s")
            with suppress(Unusable):
                return await stack.enter_async_context(site)
            await asyncio.sleep(0.2)


@pytest.mark.timeout(400)  # elections take their time on a busy machine
async def test_one_of_three_servers_may_die(tmp_path: Path) -> None:
    """The leader of the stream: nothing is lost or repeated, and all hear one order."""
    async with AsyncExitStack() as stack:
        servers = await _cluster(stack, tmp_path)
        urls = ",".join(server.url for server in servers)
        one, two = [await _site(stack, name, urls) for name in ("one", "two")]
        anna, bert = await one.join("anna", echo=True), await two.join("bert", echo=True)
        await until(lambda: len(one.people()) == len(two.people()) == 2)
        said = 0

        async def talk(times: int) -> None:
            nonlocal said
            for _ in range(times):
                say(one.room(), anna, b"a%d" % said)
                say(two.room(), bert, b"b%d" % said)
                said += 1
                await asyncio.sleep(0.005)

        await talk(20)
        info: dict[str, Any] = await one.cluster.link.api(f"STREAM.INFO.{subjects.STREAM}")
        leader = servers[int(info["cluster"]["leader"].removeprefix("server"))]
        await leader.kill()
        await talk(100)
        await until(lambda: len(anna.heard) == len(bert.heard) == 2 * said, _PATIENCE)
        await leader.start()
        await talk(20)
        await until(lambda: len(anna.heard) == len(bert.heard) == 2 * said, _PATIENCE)
        assert anna.heard == bert.heard
        assert len(set(anna.heard)) == 2 * said
        assert not (one.lost or two.lost or anna.ends or bert.ends)
