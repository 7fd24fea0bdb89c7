"""A way to a server that takes its time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def far(port: int, seconds: float) -> AsyncIterator[int]:
    """Yield a port from which everything reaches the given one so much later, and back."""
    loop = asyncio.get_running_loop()
    writers: set[asyncio.StreamWriter] = set()
    carriers: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                loop.call_later(seconds, writer.write, data)
        loop.call_later(seconds, writer.close)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, inner_writer))
        for source, sink in ((reader, inner_writer), (inner_reader, writer)):
            task = asyncio.create_task(carry(source, sink))
            carriers.add(task)
            task.add_done_callback(carriers.discard)

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in carriers:
            task.cancel()
        for writer in writers:
            writer.close()
        await asyncio.gather(*carriers, return_exceptions=True)
