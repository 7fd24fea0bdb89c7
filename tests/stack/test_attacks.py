"""Floods and bursts that come through the proxy: a room that nobody attacks loses nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.attack.crowd import crowd
from tests.lab.stack import Stack
from tests.lab.waiting import LIMIT
from tests.raw import handshake

_LASTS = 3.0  # seconds of each attack: its length is what is asked for
_RATE = 20  # messages a second of those who stand by
_CROWD = 10
_PAUSE = 0.002  # seconds: who stands by has to have its turns in this process, too

Attack = Callable[[Stack, int], Awaitable[None]]


async def _messages(stack: Stack, number: int) -> None:
    """5 MB a second from each; nobody reads."""
    async with stack.connect(f"flood-{number}", room=f"hall-{number % 4}") as client:
        while True:
            await client.send(bytes(10_000))
            await asyncio.sleep(_PAUSE)


async def _pings(stack: Stack, number: int) -> None:
    async with stack.connect(f"ping-{number}", room="hall") as client:
        while True:
            await client.ping()
            await asyncio.sleep(_PAUSE)


async def _visits(stack: Stack, number: int) -> None:
    """Come, and go."""
    while True:
        async with stack.connect(f"visitor-{number}", room="hall"):
            pass


async def _half_heads(stack: Stack, number: int) -> None:
    """50 connections each that never finish what they ask for."""
    writers = []
    try:
        for each in range(50):
            _, writer = await asyncio.open_connection(stack.address, 80)
            writer.write(handshake(f"/ws/half-{number}-{each}")[:-2])
            writers.append(writer)
        await asyncio.Event().wait()
    finally:
        for writer in writers:
            writer.close()


async def _bodies(stack: Stack, number: int) -> None:
    """Uploads of which half comes."""
    while True:
        _, writer = await asyncio.open_connection(stack.address, 80)
        head = f"POST /rooms/hall-{number}/messages HTTP/1.1\r\nHost: localhost\r\n"
        try:
            writer.write(f"{head}Content-Length: 1000000\r\n\r\n".encode() + bytes(500_000))
            await writer.drain()  # for ever, where it is not read
        finally:
            writer.close()


@pytest.mark.parametrize("attack", [_messages, _pings, _visits, _half_heads, _bodies])
async def test_those_who_stand_by_lose_nothing(stack: Stack, attack: Attack) -> None:
    """By TLS, in another room; and whoever comes afterwards is welcome."""
    tls = stack.authority()

    async def act(number: int) -> None:
        with contextlib.suppress(ConnectionClosed, InvalidStatus):  # it was cut off, or refused
            await attack(stack, number)

    async with (
        stack.connect("ear", tls=tls, room="quiet") as ear,
        stack.connect("mouth", tls=tls, room="quiet") as mouth,
    ):
        sent = 0
        async with crowd(_CROWD, act):
            for _ in range(round(_LASTS * _RATE)):
                await mouth.send(str(sent))
                sent += 1
                await asyncio.sleep(1 / _RATE)
        async with asyncio.timeout(LIMIT):
            assert [await ear.recv() for _ in range(sent)] == [str(each) for each in range(sent)]
            async with stack.connect("after", tls=tls, room="hall"):
                pass
