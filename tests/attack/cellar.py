"""A room that waits for its receivers, and a request that waits for the room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.attack.crowd import crowd
from tests.attack.siege import Siege
from tests.raw import RawClient, encode

POST = b"POST /rooms/cellar/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n!"


@asynccontextmanager
async def cellar(siege: Siege) -> AsyncIterator[None]:
    """Keep the room waiting: one member reads nothing, another one fills it."""
    with (
        await RawClient.connect(siege.port, "/ws/deaf?room=cellar", receive_buffer=4096),
        await RawClient.connect(siege.port, "/ws/dumb?room=cellar") as sender,
    ):

        async def fill(number: int) -> None:
            while True:
                await sender.send(encode(2, bytes(100_000)))

        async with crowd(1, fill):
            while not (await siege.relay.get("/rooms/cellar"))[1]["waiting"]:
                await asyncio.sleep(0.01)
            yield
