"""Memory: messages that are never finished, backlogs that nobody takes, many small pieces."""

import asyncio
import contextlib

import aiohttp

from tests.attack.conftest import Besiege
from tests.attack.crowd import crowd, members, opened
from tests.raw import RawClient, encode, handshake

MEGABYTE = 1_000_000


async def test_hoarders_do_not_keep_honest_messages_out(besiege: Besiege) -> None:
    """Whoever holds most and moves slowest goes, not whoever sends a large message."""
    async with besiege() as siege:
        hoard = encode(2, bytes(MEGABYTE))[: 880 * 1000]
        hoarders = []
        async with (
            siege.relay.connect("honest", room="hall") as honest,
            siege.relay.connect("listener", room="hall") as listener,
        ):
            for number in range(290):
                hoarder = await RawClient.connect(siege.port, f"/ws/hoarder-{number}?room=cellar")
                with contextlib.suppress(OSError):
                    await hoarder.send(hoard)
                hoarders.append(hoarder)
            for _ in range(5):
                await honest.send(bytes(2 * MEGABYTE))
                assert await listener.recv() == bytes(2 * MEGABYTE)
        await siege.relay.logged("1013 relay is out of memory, and this client held ")
        for hoarder in hoarders:
            hoarder.close()


async def test_short_connections_with_half_a_message_each(besiege: Besiege) -> None:
    """They leave nothing behind: afterwards everybody is let in again."""
    async with besiege() as siege:
        half = encode(2, bytes(MEGABYTE))[: MEGABYTE // 2]

        async def visit(number: int) -> None:
            head = handshake(f"/ws/visitor-{number}?room=hall")
            with await opened(siege.port, head + half):
                await asyncio.sleep(0.05)

        async with crowd(50, visit):
            await siege.lasts(4)
        async with asyncio.timeout(60):
            while (await siege.relay.get("/ready"))[0] != 200:
                await asyncio.sleep(0.1)


async def test_uploads_that_break_off(besiege: Besiege) -> None:
    """What has come of a body goes with its connection, not when the garbage is collected."""
    async with besiege() as siege:
        head = (
            b"POST /rooms/hall/messages HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000000\r\n\r\n"
        )

        async def upload(number: int) -> None:
            with await opened(siege.port, head + bytes(MEGABYTE // 2)):
                await asyncio.sleep(0.05)

        async with crowd(50, upload):
            await siege.lasts(4)


async def test_message_in_two_byte_pieces(besiege: Besiege) -> None:
    """What each piece costs counts, too."""
    async with besiege() as siege:

        async def nibble(number: int) -> None:
            with await RawClient.connect(siege.port, f"/ws/nibbler-{number}?room=hall") as it:
                await it.send(encode(2, bytes(9 * MEGABYTE))[:14])
                while True:
                    await it.send(b"xx")
                    await asyncio.sleep(0)

        async with crowd(30, nibble):
            await siege.lasts(3)


async def test_many_small_messages_beside_a_large_one(besiege: Besiege) -> None:
    """Each of the senders gets a batch of its own, without what it sent itself."""
    async with besiege() as siege:
        crowded = await members(siege.port, 300, "/ws/small-{}?room=hall")
        large = await RawClient.connect(siege.port, "/ws/large?room=hall")
        readers = [asyncio.create_task(client.read_until_close()) for client in crowded]
        for _ in range(3):
            await large.send(encode(2, bytes(240_000)))
            for client in crowded:
                with contextlib.suppress(OSError):
                    await client.send(encode(2, b"x"))
        await siege.lasts(1)
        for client in (*crowded, large):
            client.close()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def test_rooms_of_large_backlogs(besiege: Besiege) -> None:
    """60 rooms in which nobody reads 10 MB: that killed a relay of 1 GB within 12 s."""
    async with besiege(WRITE_BUFFER_SIZE="10MB") as siege:
        data = encode(2, bytes(100_000)) * 20

        async def fill(number: int) -> None:
            room = f"cellar-{number}"
            with (
                await RawClient.connect(siege.port, f"/ws/deaf?room={room}", receive_buffer=4096),
                await RawClient.connect(siege.port, f"/ws/dumb?room={room}") as sender,
            ):
                while True:
                    await sender.send(data)

        async with crowd(60, fill):
            await siege.lasts(4)


async def test_stuck_readers(besiege: Besiege) -> None:
    """500 of them in one room: it goes on without them."""
    async with besiege() as siege:
        stuck = await members(siege.port, 500, "/ws/stuck-{}?room=hall", receive_buffer=4096)

        async def talk(number: int) -> None:
            with await RawClient.connect(siege.port, f"/ws/talker-{number}?room=hall") as it:
                while True:
                    await it.send(encode(2, bytes(50_000)))
                    await asyncio.sleep(0.01)

        async with crowd(1, talk):
            await siege.lasts(4)
            await siege.relay.logged("4001 ")
        for client in stuck:
            client.close()


async def test_senders_of_large_messages(besiege: Besiege) -> None:
    """50 at once send 10 MB."""
    async with besiege() as siege:
        large = encode(2, bytes(10 * MEGABYTE - 100))

        async def send(number: int) -> None:
            with await RawClient.connect(
                siege.port, f"/ws/sender-{number}?room=hall-{number}"
            ) as it:
                await it.send(large)
                await it.send(encode(9, b"!"))
                await it.read()

        async with crowd(50, send):
            await siege.lasts(4)


async def test_bodies_that_are_published(besiege: Besiege) -> None:
    """What is published to rooms where nobody is, is kept by nobody."""
    async with besiege() as siege, aiohttp.ClientSession() as session:

        async def post(number: int) -> None:
            url = f"{siege.relay.http}/rooms/room-{number}/messages"
            with contextlib.suppress(aiohttp.ClientError):
                async with session.post(url, data=bytes(5 * MEGABYTE)) as answer:
                    assert answer.status in (202, 503)

        async with crowd(20, post):
            await siege.lasts(3)
