"""Packets between one relay and NATS are dropped: nobody says goodbye, and nobody is lost."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.nats.phones import Phones
from tests.nats.server import NatsServer
from tests.network import namespace
from tests.process import Relay

_PARTITION = 20  # seconds: twice as long as NATS may be away


async def test_a_relay_is_cut_off_from_nats_for_20_seconds(tmp_path: Path) -> None:
    """Its clients go on at the other one; what it has pending of them is said once."""
    with namespace() as network:
        async with AsyncExitStack() as stack:
            server = NatsServer(tmp_path / "store", address=network.here)
            await stack.enter_async_context(server)
            inside = await Relay.start(
                within=network.within, LISTEN_ADDRESS=network.there, NATS_URL=server.url
            )
            stack.push_async_callback(inside.kill)
            inside.host = network.there
            outside = await Relay.start(NATS_URL=server.url)
            stack.push_async_callback(outside.kill)
            async with Phones.of([inside, outside]) as phones:
                await phones.talk(1)
                network.drop(server.port)
                await phones.talk(_PARTITION)
                async with asyncio.timeout(60):
                    await inside.logged("NATS is away")
                network.let_pass()
                async with asyncio.timeout(60):
                    await inside.logged("NATS is there again")
                await phones.talk(1)
                await phones.finish()
            phones.judge()
            for relay in (inside, outside):
                assert not [line for line in relay.log if "defect" in line], relay.log
