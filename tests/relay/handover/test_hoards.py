"""What strangers can pile up at a relay does not keep it from handing over."""

import asyncio
from pathlib import Path

import aiohttp

from tests.raw import RawClient, encode
from tests.relay.handover.succession import Succession, succession

MEGABYTE = 1_000_000


async def _hand_over(relays: Succession) -> None:
    """Have a successor take over; it may try five times on a busy machine."""
    old = relays.relay
    await relays.next()
    await old.logged("handed over ")
    await old.kill()


async def test_half_messages_of_many_move_while_more_comes(tmp_path: Path) -> None:
    """To the byte, and however many frames they have: each has to be parsed again."""
    async with succession(tmp_path) as relays:
        payload = bytes(range(250)) * 16_000
        half = encode(2, payload)
        begun = encode(1, b"begins ", fin=False) + encode(0, b"", fin=False) * 200_000
        large = await _echoes(relays, "large", 20)
        tiny = await _echoes(relays, "tiny", 3)
        await asyncio.gather(
            *(client.send(half[:3_000_000]) for client in large),
            *(client.send(begun) for client in tiny),
        )
        total = len(large) * 3_000_000 + len(tiny) * len(begun)
        while await relays.relay.metric("relay_unfinished_bytes") < total:
            await asyncio.sleep(0.05)
        is_over = asyncio.Event()
        sent = [3_000_000] * len(large)

        async def trickle(index: int) -> None:
            while not is_over.is_set() and sent[index] < 3_900_000:
                await large[index].send(half[sent[index] : sent[index] + 5000])
                sent[index] += 5000
                await asyncio.sleep(0.02)

        trickling = asyncio.gather(*map(trickle, range(len(large))))
        for _ in range(2):
            await _hand_over(relays)
        is_over.set()
        await trickling
        for index, client in enumerate(large):
            await client.send(half[sent[index] :])
            frame = await client.read()
            assert frame is not None and frame.payload == payload
            client.close()
        for client in tiny:
            await client.send(encode(0, b"and ends"))
            frame = await client.read()
            assert frame is not None and frame.payload == b"begins and ends"
            client.close()


async def _echoes(relays: Succession, name: str, count: int) -> list[RawClient]:
    """Return clients that hear what they say, each in a room of its own."""
    return [
        await RawClient.connect(relays.listen, f"/ws/{name}?room={name}-{number}&echo=1")
        for number in range(count)
    ]


async def test_half_messages_that_come_faster_than_they_are_told(tmp_path: Path) -> None:
    """Who sends them is not read for the last rounds, and loses nothing."""
    async with succession(tmp_path) as relays, relays.unix("ear", room="hall") as ear:
        message = encode(2, bytes(9 * MEGABYTE))
        is_over = asyncio.Event()
        said = [0] * 6
        clients = [
            await RawClient.connect(relays.listen, f"/ws/c-{number}?room=hall-{number}")
            for number in range(len(said))
        ]

        async def flood(index: int) -> None:
            while not is_over.is_set():
                await clients[index].send(message)
                said[index] += 1

        flooding = asyncio.gather(*map(flood, range(len(said))))
        await _hand_over(relays)
        is_over.set()
        await flooding
        async with aiohttp.ClientSession() as session:
            url = f"{relays.relay.http}/rooms/hall/messages"
            async with session.post(url, data=b"still here") as answer:
                assert answer.status == 202
        assert await ear.recv() == b"still here"
        while await relays.relay.metric("relay_messages_total") < sum(said) + 1:
            await asyncio.sleep(0.05)
        for client in clients:
            client.close()


async def test_silent_connections_and_long_heads_do_not_stop_it(tmp_path: Path) -> None:
    """As many as a relay lets in; whoever has just come is served by the successor."""
    async with succession(tmp_path) as relays, relays.unix("ear", room="hall") as ear:
        port = relays.relay.port
        silent = [await RawClient.open(port) for _ in range(400)]
        long = [await RawClient.open(port) for _ in range(200)]
        for client in long:
            await client.send(b"GET /health HTTP/1.1\r\nX: " + b"x" * 60_000)
        new = await RawClient.open(port)
        await new.send(b"GET /health HT")
        await _hand_over(relays)
        await new.send(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert (await new.answer()).startswith(b"HTTP/1.1 200")
        async with relays.unix("mouth", room="hall") as mouth:
            await mouth.send("hello")
            assert await ear.recv() == "hello"
        for client in (*silent, *long, new):
            client.close()


async def test_many_rooms_with_history_do_not_stop_it(tmp_path: Path) -> None:
    """Each was published to once, by nobody who is there."""
    async with succession(tmp_path) as relays:
        rooms = 2000
        async with aiohttp.ClientSession() as session:

            async def post(first: int) -> None:
                for number in range(first, rooms, 50):
                    url = f"{relays.relay.http}/rooms/room-{number}/messages"
                    async with session.post(url, data=b"hello") as answer:
                        assert answer.status == 202

            await asyncio.gather(*map(post, range(50)))
        assert await relays.relay.metric("relay_rooms") == rooms
        await _hand_over(relays)
        async with relays.relay.connect("late", room="room-1999", history=1) as late:
            assert await late.recv() == b"hello"
