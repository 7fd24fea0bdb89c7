"""The container's health check, as Docker calls it: isolated, without site-packages."""

import asyncio
import socket
import sys

import pytest

from tests.conftest import StartRelay
from tests.process import ROOT, Relay


async def _probe(port: int, **env: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IS", ROOT / "relay" / "probe.py"),
        env={"PORT": str(port), **env},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode().strip()


async def test_a_ready_relay_is_healthy(relay: Relay) -> None:
    """Exit 0, and the relay's own answer for `docker inspect`."""
    assert await _probe(relay.port) == (0, '{"ready":true}')


async def test_a_relay_at_its_limit_is_not_ready(start_relay: StartRelay) -> None:
    """Exit 1, with the relay's reason."""
    relay = await start_relay(MAX_CONNECTIONS="1")
    async with relay.connect("alone"):
        code, printed = await _probe(relay.port)
    assert code == 1
    assert printed == '{"ready":false,"error":"relay has 1 connections, its limit"}'


async def test_nobody_there_is_not_healthy(start_relay: StartRelay) -> None:
    """Exit 1, with port and reason."""
    relay = await start_relay()
    await relay.stop()
    code, printed = await _probe(relay.port)
    assert code == 1
    assert printed.startswith(f"no answer from 127.0.0.1 on port {relay.port}: ")


@pytest.mark.parametrize("addresses", ["*", "0.0.0.0", "127.0.0.2", "[::1],127.0.0.1", "::"])
async def test_probe_asks_where_the_relay_listens(start_relay: StartRelay, addresses: str) -> None:
    """The first of its addresses; of a whole family, the loopback."""
    if ":" in addresses and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    relay = await start_relay(LISTEN_ADDRESS=addresses)
    code, printed = await _probe(relay.port, LISTEN_ADDRESS=addresses)
    assert (code, printed) == (0, '{"ready":true}')
