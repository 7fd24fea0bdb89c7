"""Floods: messages, pings, connections, requests. They cost the flooder."""

import asyncio

import pytest

from tests.attack.cellar import POST, cellar
from tests.attack.conftest import Besiege
from tests.attack.crowd import crowd, drained, narrow, opened
from tests.raw import RawClient, encode


@pytest.mark.parametrize("opcode", [1, 9, 10], ids=["messages", "pings", "pongs"])
async def test_flood_of_empty_frames(besiege: Besiege, opcode: int) -> None:
    """Ten thousand fit into one read; ten such clients stalled every room for 2 s."""
    async with besiege() as siege:
        data = encode(opcode, b"") * 40_000

        async def flood(number: int) -> None:
            with await RawClient.connect(
                siege.port, f"/ws/flooder-{number}?room=flood-{number}"
            ) as it:
                narrow(it)
                while True:
                    await it.send(data)

        async with crowd(10, flood):
            await siege.lasts(3)


async def test_flood_of_messages_beyond_the_rates(besiege: Besiege) -> None:
    """They are slowed and not cut off, and the metrics tell it."""
    async with besiege(MESSAGE_RATE="1000", BYTE_RATE="10MB") as siege:
        data = encode(2, bytes(100)) * 5_000

        async def flood(number: int) -> None:
            with await RawClient.connect(siege.port, f"/ws/flooder-{number}?room=flood") as it:
                narrow(it)
                while True:
                    await it.send(data)

        before = await siege.relay.metric("relay_messages_total")
        began = asyncio.get_running_loop().time()
        async with crowd(5, flood):
            await siege.lasts(3)
            count = await siege.relay.metric("relay_messages_total") - before
            seconds = asyncio.get_running_loop().time() - began
            assert await siege.relay.metric("relay_slowed_total") > 0
            assert await siege.relay.metric("relay_connections") == 7
        assert count <= 5 * (1000 * (seconds + 1) + 1400) + 40 * seconds


async def test_flood_of_connections(besiege: Besiege) -> None:
    """Each connects, says nothing, and leaves."""
    async with besiege() as siege:

        async def connect(number: int) -> None:
            for _ in range(20):
                (await opened(siege.port)).close()

        async with crowd(20, connect):
            await siege.lasts(3)


async def test_flood_of_members(besiege: Besiege) -> None:
    """Each joins and leaves at once."""
    async with besiege() as siege:

        async def join(number: int) -> None:
            with await RawClient.connect(siege.port, f"/ws/guest-{number}?room=hall"):
                pass

        async with crowd(20, join):
            await siege.lasts(3)


async def test_flood_of_bad_requests(besiege: Besiege) -> None:
    """One line in the log for each cause and second."""
    async with besiege() as siege:

        async def ask(number: int) -> None:
            for data in (b"NONSENSE\r\n\r\n", b"GET /ws/%2F HTTP/1.1\r\nHost: x\r\n\r\n"):
                sock = await opened(siege.port, data)
                sock.close()

        async with crowd(20, ask):
            await siege.lasts(2)


async def test_pipelined_requests(besiege: Besiege) -> None:
    """A thousand in one write, answered one after the other, or not read at all."""
    async with besiege() as siege:
        data = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 1000

        async def ask(number: int) -> None:
            with await opened(siege.port, data) as sock:
                async with asyncio.timeout(2):
                    await (drained(sock) if number % 2 else asyncio.sleep(1))

        async with crowd(20, ask):
            await siege.lasts(3)


async def test_requests_behind_one_that_waits(besiege: Besiege) -> None:
    """Whatever comes behind a request that waits for its room is not read."""
    async with besiege() as siege:
        lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(200))
        head = b"GET /ready HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n"

        async def pile(number: int) -> None:
            with await opened(siege.port, POST) as sock:
                while True:
                    await asyncio.get_running_loop().sock_sendall(sock, head)

        async with cellar(siege), crowd(4, pile):
            await siege.lasts(6)
