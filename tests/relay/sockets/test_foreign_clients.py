"""Clients that nobody here wrote: npm's `ws` and Python's `websockets`, in one room."""

import asyncio
import os

from tests.conftest import StartRelay
from tests.node import Echo
from tests.process import Relay


async def test_node_and_python_exchange_text_binary_and_ten_megabytes(
    relay: Relay, room: str, node: str
) -> None:
    """Each message goes from `websockets` to `ws` and back, unchanged."""
    url = relay.url("node", room=room)
    echo = await Echo.start(node, url)
    assert await echo.line() == "open"
    async with relay.connect("python", room=room) as python:
        for message in ("grüße 😀", "", b"", b"\x00\xff", os.urandom(10_000_000), "x" * 1_000_000):
            await python.send(message)
            assert await python.recv() == message
        await python.send("stop")
        assert await echo.line() == "close 1000 goodbye"
    assert await echo.wait() == 0


async def test_node_sees_why_it_is_refused(relay: Relay, room: str, node: str) -> None:
    """A name in use is 409."""
    async with relay.connect("node", room=room):
        echo = await Echo.start(node, relay.url("node", room=room))
        assert await echo.line() == "refused 409"
        assert await echo.wait() == 1


async def test_node_sees_why_it_is_closed(start_relay: StartRelay, node: str) -> None:
    """Code and text of a relay that restarts."""
    relay = await start_relay(DRAIN_WINDOW="0s")
    echo = await Echo.start(node, relay.url("node"))
    assert await echo.line() == "open"
    assert await relay.stop() == 0
    assert await echo.line() == "close 1012 relay is restarting"
    assert await echo.wait() == 0


async def test_python_clients_take_turns_with_ten_megabytes_each(relay: Relay, room: str) -> None:
    """Large messages of several senders arrive whole, at everybody else."""
    members = [await relay.connect(f"member-{index}", room=room) for index in range(4)]
    for sender in members:
        message = os.urandom(10_000_000)
        await sender.send(message)
        others = [member for member in members if member is not sender]
        assert await asyncio.gather(*(other.recv() for other in others)) == [message] * 3
    for member in members:
        await member.close()
