"""Several relays as processes, with clients that reconnect: killed, drained, handed over."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.nats.phones import Phones
from tests.nats.server import NatsServer
from tests.process import Relay
from tests.relay.handover.succession import Succession


async def test_any_relay_may_die_drain_or_be_replaced(server: NatsServer, tmp_path: Path) -> None:
    """Every ledger exact, and one order in each room, on all relays."""
    settings: dict[str, Any] = {"NATS_URL": server.url, "DRAIN_WINDOW": "1s"}
    async with AsyncExitStack() as stack:
        third = Succession(tmp_path, "relay", settings)
        stack.push_async_callback(third.kill)
        relays = list(
            await asyncio.gather(Relay.start(**settings), Relay.start(**settings), third.next())
        )
        for relay in relays[:2]:
            stack.push_async_callback(relay.kill)
        async with Phones.of(relays) as phones:
            await phones.talk(1)
            await relays.pop(0).kill()  # it dies, and another one comes
            await phones.talk(1)
            relays.append(await Relay.start(**settings))
            stack.push_async_callback(relays[-1].kill)
            await phones.talk(1)
            drained = relays.pop(0)
            assert await drained.stop() == 0
            await phones.talk(1)
            await phones.all_in()
            before = relays.pop(0)  # the third: handed over
            connections = phones.connections
            relays.append(await third.next())
            async with asyncio.timeout(60):
                await before.logged("handed over")
            await phones.talk(1)
            assert phones.connections == connections
            await phones.finish()
        phones.judge()
        for relay in (*relays, before):
            assert not [line for line in relay.log if "defect" in line], relay.log
