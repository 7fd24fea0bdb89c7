"""Fixtures: a nats-server, and relays that share its rooms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.conftest import StartRelay
from tests.nats.server import NatsServer, need
from tests.process import Relay


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    need()
    async with NatsServer(tmp_path / "store") as server:
        yield server


@pytest_asyncio.fixture
async def relays(server: NatsServer, start_relay: StartRelay) -> list[Relay]:
    """Two relays that share the rooms of one nats-server."""
    return [await start_relay(NATS_URL=server.url) for _ in range(2)]
