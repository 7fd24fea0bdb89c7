"""The client of the other tests, where it has gone wrong itself."""

import asyncio
import socket

from tests.raw import RawClient


async def test_closing_while_somebody_reads() -> None:
    """The next socket has its number: asyncio must not watch for the one that is gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reader = await RawClient.open(port)
        number = reader.socket.fileno()
        reading = asyncio.create_task(reader.read())
        await asyncio.sleep(0)
        reading.cancel()
        reader.close()
        with await RawClient.open(port) as next_client:
            assert next_client.socket.fileno() == number
            await next_client.send(b"hello")
        await asyncio.wait([reading])
        assert reading.cancelled()
