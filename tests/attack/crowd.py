"""Many clients of one kind."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.raw import RawClient

Deed = Callable[[int], Awaitable[None]]


@asynccontextmanager
async def crowd(count: int, deed: Deed) -> AsyncIterator[None]:
    """Have so many do this, again and again, each on its own; whoever is cut off tries again."""

    is_over = False

    async def act(number: int) -> None:
        while not is_over:
            with contextlib.suppress(OSError, AssertionError):
                await deed(number)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(act(number)) for number in range(count)]
    try:
        yield
    finally:
        is_over = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def members(
    port: int, count: int, path: str, receive_buffer: int | None = None
) -> list[RawClient]:
    """Return so many members; `path` has `{}` for the number of each."""
    return [
        await RawClient.connect(port, path.format(number), receive_buffer=receive_buffer)
        for number in range(count)
    ]


async def opened(port: int, data: bytes = b"") -> socket.socket:
    """Return a connection on which only this has been said."""
    sock = socket.socket()
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, data)
    except BaseException:
        sock.close()
        raise
    return sock


async def drained(sock: socket.socket) -> bytes:
    """Return what comes until the other side ends it."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.get_running_loop().sock_recv(sock, 1 << 16):
            data += piece
    return data


def narrow(client: RawClient) -> None:
    """Let the kernel hold little of what it sends, which would still be read when it is gone."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
