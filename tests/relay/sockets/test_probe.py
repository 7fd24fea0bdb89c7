"""The container's health check, as Docker calls it: isolated, without site-packages."""

import asyncio
import sys

from tests.conftest import StartRelay
from tests.process import ROOT, Relay


async def _probe(port: int) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IS", ROOT / "relay" / "probe.py"),
        env={"PORT": str(port)},
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
