"""Accepting: a bounded number in one pass of the event loop, and a pause when files run out."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from relay.edge import listener
from relay.edge.listener import BATCH, Listener
from relay.edge.sockets import bind


class Passes:
    """Counts the passes of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._task.cancel()


@pytest_asyncio.fixture
async def passes() -> AsyncIterator[Passes]:
    counter = Passes()
    yield counter
    counter.stop()


def _connect(port: int, count: int) -> list[socket.socket]:
    """Connect without a pass of the event loop: all of them wait in the kernel."""
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), timeout=30)
        client.setblocking(False)
        clients.append(client)
    return clients


async def test_a_burst_is_accepted_in_small_batches(passes: Passes) -> None:
    """Or 5 s of short connections would grow the relay to gigabytes."""
    accepted: list[int] = []

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(passes.count)
            transport.close()

    server = Listener(await bind("127.0.0.1", 0), Client)
    server.start()
    clients = _connect(server.sockets[0].getsockname()[1], 500)
    while len(accepted) < 500:
        await asyncio.sleep(0)
    assert max(accepted.count(number) for number in set(accepted)) <= BATCH
    server.close()
    for client in clients:
        client.close()


async def test_accepting_pauses_and_goes_on() -> None:
    """Who comes meanwhile waits in the kernel, and is accepted afterwards."""
    arrived = asyncio.Event()

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            arrived.set()
            transport.close()

    server = Listener(await bind("127.0.0.1", 0), Client)
    server.start()
    server.pause()
    (client,) = _connect(server.sockets[0].getsockname()[1], 1)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not arrived.is_set()
    server.start()
    await arrived.wait()
    server.close()
    client.close()


async def test_no_file_left_is_one_line_and_one_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And whoever waited in the kernel is accepted after it."""
    arrived = asyncio.Event()
    is_full = True

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            arrived.set()
            transport.close()

    class Full(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            if is_full:
                raise OSError(24, "Too many open files")
            return super().accept()

    monkeypatch.setattr(listener, "PAUSE", 0.01)
    (plain,) = await bind("127.0.0.1", 0)
    server = Listener([Full(fileno=plain.detach())], Client)
    server.start()
    (client,) = _connect(server.sockets[0].getsockname()[1], 1)
    while not caplog.records:
        await asyncio.sleep(0)
    assert caplog.messages[0] == (
        "cannot accept connections: too many open files; trying again in 0.01 s"
    )
    is_full = False
    await arrived.wait()
    server.close()
    client.close()


async def test_a_host_of_several_addresses_has_one_port() -> None:
    """Port 0 takes a free one, the same for all addresses."""
    sockets = await bind("127.0.0.1", 0) + await bind("localhost", 0)
    for sock in sockets:
        sock.close()
    assert {sock.family for sock in sockets} >= {socket.AF_INET}
