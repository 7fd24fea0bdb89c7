"""docker-compose.cluster.yml: three relays on one host, NATS between them, Caddy before them."""

import asyncio
import re
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from tests.lab import images
from tests.lab.engine import ROOT
from tests.lab.stack import Stack
from tests.stack.conftest import RunStack

_FILE = "docker-compose.cluster.yml"
_RELAYS = ("relay", "relay2", "relay3")
_CONNECTIONS = r"^relay_connections (\d+)"


async def _number(stack: Stack, relay: str, path: str, pattern: str) -> int:
    """Ask one of the relays, past Caddy; return a number of its answer."""
    (container,) = stack.containers(relay)
    url = f"http://{stack.address_of(container)}:8080{path}"
    async with aiohttp.request("GET", url) as answer:
        found = re.search(pattern, await answer.text(), re.MULTILINE)
    assert found, url
    return int(found[1])


async def test_three_relays_share_their_rooms(run_stack: RunStack, tmp_path: Path) -> None:
    """A member at each; NATS keeps what was said over a restart."""
    images.require(images.NATS)
    shutil.copy(ROOT / _FILE, tmp_path)
    stack = run_stack(
        COMPOSE_FILE=f"docker-compose.yml:{_FILE}",
        COMPOSE_PROFILES="cluster",
        NATS_TOKEN="a-token",
        NATS_TIMEOUT="120s",
    )
    async with AsyncExitStack() as members:
        alice, *others = [
            await members.enter_async_context(stack.connect(name)) for name in ("alice", "bob")
        ]
        # Caddy takes one relay after the other, and passes over one that is slow to answer.
        while not all([await _number(stack, relay, "/metrics", _CONNECTIONS) for relay in _RELAYS]):
            name = f"member-{len(others)}"
            others.append(await members.enter_async_context(stack.connect(name)))
        for relay in _RELAYS:
            while await _number(stack, relay, "/rooms/lobby", r'"count":(\d+)') != 1 + len(others):
                await asyncio.sleep(0.05)
        await alice.send("before")
        assert {await member.recv() for member in others} == {"before"}
        await stack.composed("restart", "nats")
        await alice.send("behind")
        assert {await member.recv() for member in others} == {"behind"}
    for relay in _RELAYS:  # the next newcomer is at the next of them
        async with stack.connect(f"reader-of-{relay}", history=2) as reader:
            assert [await reader.recv(), await reader.recv()] == ["before", "behind"]
