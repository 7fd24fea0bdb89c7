"""Slowness: heads, handshakes, bodies and answers that take their time."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from tests.attack.conftest import Besiege
from tests.attack.crowd import crowd, drained, opened
from tests.raw import RawClient, handshake

_PATIENCE = 45.0  # seconds for a deadline of 15 s to be seen, on a busy machine


async def test_half_handshakes_and_heads_that_come_byte_by_byte(besiege: Besiege) -> None:
    """There is one deadline for all of a head, however it comes, and it keeps nobody out."""
    async with besiege() as siege:
        half = [
            await opened(siege.port, handshake(f"/ws/half-{number}")[:-4]) for number in range(500)
        ]

        async def drip(number: int) -> None:
            with await opened(siege.port, b"GET /health HTTP/1.1\r\nX: ") as sock:
                for _ in range(600):
                    await asyncio.get_running_loop().sock_sendall(sock, b"x")
                    await asyncio.sleep(0.1)

        async with crowd(300, drip):
            await siege.lasts(4)
            async with siege.relay.connect("honest", room="hall"):
                pass
        async with asyncio.timeout(_PATIENCE):
            for sock in half:
                assert await drained(sock) == b""
                sock.close()


async def test_long_heads_that_do_not_end(besiege: Besiege) -> None:
    """Each may have 128 KB; all together are bounded."""
    async with besiege() as siege:
        head = b"GET /health HTTP/1.1\r\n" + b"X: " + b"x" * 110_000
        sockets = [await opened(siege.port, head) for _ in range(1500)]
        await siege.relay.logged("503 heads of more than ")
        async with siege.relay.connect("honest", room="hall"):
            pass
        for sock in sockets:
            sock.close()


async def test_bodies_that_do_not_come(besiege: Besiege) -> None:
    """They are refused in time, and what has come of them is counted."""
    async with besiege() as siege:
        head = b"POST /rooms/hall/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
        sockets = [await opened(siege.port, head + bytes(500_000)) for _ in range(100)]
        await siege.lasts(2)
        async with aiohttp.request(
            "POST", f"{siege.relay.http}/rooms/hall/messages", data=b"hello"
        ) as answer:
            assert answer.status in (202, 503)
        for sock in sockets:
            sock.close()


async def test_answers_that_are_not_taken(besiege: Besiege) -> None:
    """Whoever takes nothing is cut off, and so is whoever asks for more of it."""
    async with besiege() as siege:
        head = b"GET /static/vendor/uplot/uPlot.iife.min.js HTTP/1.1\r\nHost: x\r\n\r\n" * 200
        clients = []
        for _ in range(100):
            client = await RawClient.open(siege.port, receive_buffer=4096)
            await client.send(head)
            clients.append(client)
        await siege.relay.logged("refused a request: 408 answer was not taken")
        for client in clients:
            client.close()


async def test_slow_upload_is_no_attack(besiege: Besiege) -> None:
    """A message that comes slowly, but comes, arrives."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 5000
            await asyncio.sleep(0.1)

    async with (
        besiege() as siege,
        siege.relay.connect("honest", room="hall") as honest,
        siege.relay.connect("listener", room="hall") as listener,
    ):
        await honest.send(pieces())
        assert await listener.recv() == b"x" * 100_000
