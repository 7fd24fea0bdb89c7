"""A client of the relay: every message once and in order, across lost connections.

import asyncio

from relay_client import RelayClient

async def main() -> None:
    async with RelayClient("http://localhost:8080", room="lobby", user="bot") as relay:
        await relay.send("hello")
        async for message in relay:
            print(message.sender, message.data)

asyncio.run(main())
"""

from relay_client.client import RelayClient
from relay_client.delays import backoff
from relay_client.errors import Closed, Fate, QueueFull, RelayError, Undelivered
from relay_client.events import (
    Event,
    Gap,
    Join,
    Leave,
    Members,
    Message,
    State,
    StateChange,
)
from relay_client.life import TERMINAL_CODES

__all__ = [
    "TERMINAL_CODES",
    "Closed",
    "Event",
    "Fate",
    "Gap",
    "Join",
    "Leave",
    "Members",
    "Message",
    "QueueFull",
    "RelayClient",
    "RelayError",
    "State",
    "StateChange",
    "Undelivered",
    "backoff",
]
