"""Whatever is under way when a relay hands over goes on in its successor."""

import asyncio
import signal
from collections import deque
from itertools import count
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection

from relay.access.tokens import mint
from relay.names import UserName
from tests.raw import RawClient, encode, handshake
from tests.relay.handover.succession import say_and_hear, succession


async def _hear(client: ClientConnection) -> bytes | str:
    async with asyncio.timeout(30):
        return await client.recv()


async def test_message_that_is_half_sent_arrives_whole(tmp_path: Path) -> None:
    """Cut in its header, in its mask, between fragments, and after nine of ten megabytes."""
    big = bytes(range(250)) * 40_000
    frames = {
        "header": encode(2, bytes(70_000)),
        "fragments": encode(1, b"one ", fin=False) + encode(9, b"?") + encode(0, b"two"),
        "big": encode(2, big[:9_990_000]),
    }
    cuts = {"header": (1, 3, 12, 65_000), "fragments": (8, 11, 20), "big": (9_000_000, 9_000_001)}
    async with succession(tmp_path) as relays, relays.relay.connect("ear") as ear:
        clients: list[tuple[str, int, RawClient]] = []
        for what, places in cuts.items():
            for cut in places:
                port: int | str = relays.listen if cut % 2 else relays.relay.port
                client = await RawClient.connect(port, f"/ws/{what}-{cut}?echo=1")
                clients.append((what, cut, client))
        await asyncio.gather(*(it.send(frames[what][:cut]) for what, cut, it in clients))
        while await relays.relay.metric("relay_unfinished_bytes") < 18_000_000:
            await asyncio.sleep(0.01)
        await relays.next()
        for what, cut, client in clients:
            await client.send(frames[what][cut:])
            message = await _hear(ear)
            data = message.encode() if isinstance(message, str) else message
            expected = {"header": bytes(70_000), "fragments": b"one two", "big": big[:9_990_000]}
            assert data == expected[what], (what, cut)
            client.close()


async def test_slow_reader_gets_the_rest_of_its_backlog(tmp_path: Path) -> None:
    """Wherever in a frame it stands, over TCP and over the Unix socket."""
    message = bytes(range(250)) * 2_000
    buffers = {"WRITE_BUFFER_SIZE": "20MB", "READ_BUFFER_SIZE": "20MB"}
    async with succession(tmp_path, PING_INTERVAL="1h", **buffers) as relays:
        slow = [
            await RawClient.connect(relays.relay.port, "/ws/tcp", receive_buffer=65536),
            await RawClient.connect(relays.listen, "/ws/unix"),
        ]
        async with relays.relay.connect("alice") as alice, relays.unix("bob") as bob:
            for _ in range(20):
                await alice.send(message)
                assert await _hear(bob) == message
            handed_over = asyncio.create_task(relays.next())
            while not handed_over.done():  # so slow, but not stuck
                for client in slow:
                    await client.sip(10_001)
                await asyncio.wait((handed_over,), timeout=0.1)
            await relays.relays[0].kill()
            await say_and_hear(alice, bob, "after")
            for client in slow:
                frames = [await client.read() for _ in range(21)]
                assert [frame and frame.payload for frame in frames] == [message] * 20 + [b"after"]
                client.close()


async def test_no_tail_is_lost_of_a_close_under_way(tmp_path: Path) -> None:
    """The close frame comes behind the backlog, though the old relay is killed at once."""
    message = bytes(range(250)) * 300
    async with succession(tmp_path) as relays, relays.relay.connect("alice") as alice:
        for _ in range(10):
            await alice.send(message)
        await (await alice.ping())
        is_over = asyncio.Event()

        async def come_and_go(name: str, place: int | str) -> None:
            while not is_over.is_set():
                client = await RawClient.connect(
                    place,
                    f"/ws/{name}?history=10",
                    receive_buffer=None if isinstance(place, str) else 65536,
                    extra=encode(8, b"\x0f\xa0bye"),
                )
                await client.sip(50_001)
                await asyncio.wait((asyncio.create_task(is_over.wait()),), timeout=0.5)
                frames, close = await client.read_until_close()
                assert [frame.payload for frame in frames] == [message] * 10
                assert close is not None
                assert close.close_code == 4000
                assert await client.at_end()
                client.close()

        places: list[int | str] = [relays.relay.port, relays.listen] * 4
        visits = asyncio.gather(
            *(come_and_go(f"guest-{index}", place) for index, place in enumerate(places))
        )
        await relays.next()
        await relays.relays[0].kill()
        await asyncio.sleep(0)
        is_over.set()
        await visits


async def test_question_to_a_holder_is_asked_again(tmp_path: Path) -> None:
    """Frames behind the newcomer's head come along; a holder that is gone loses its name."""
    async with succession(tmp_path) as relays:
        with await RawClient.connect(relays.listen, "/ws/alice") as ghost:
            newcomer = await RawClient.open(relays.listen)
            await newcomer.send(handshake("/ws/alice") + encode(1, b"early"))
            frame = await ghost.read()  # the question is under way
            assert frame is not None
            assert frame.opcode == 9
            async with relays.relay.connect("bob") as bob:
                await relays.next()
                assert (await newcomer.answer()).startswith(b"HTTP/1.1 101")
                assert await _hear(bob) == "early"
                _, close = await ghost.read_until_close()
                assert close is not None
                assert close.close_code == 4000
                await newcomer.send(encode(1, b"later"))
                assert await _hear(bob) == "later"
            newcomer.close()


async def test_connection_without_a_whole_head_joins_the_successor(tmp_path: Path) -> None:
    """Silent ones, and half heads; kept-alive ones are closed. None joins the old relay."""
    async with succession(tmp_path) as relays:
        old, opened = relays.relay, deque[tuple[str, int, RawClient]](maxlen=16)
        kept = await RawClient.open(relays.listen)
        await kept.send(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await kept.answer()).startswith(b"HTTP/1.1 200")
        handed_over = asyncio.create_task(relays.next())
        for number in count():  # the last of them are young when it hands over
            path, cut = f"/ws/guest-{number}", 50 if number % 3 else 0
            client = await RawClient.open(relays.listen if number % 2 else old.port)
            await client.send(handshake(path)[:cut])
            if len(opened) == opened.maxlen:
                opened[0][2].close()
            opened.append((path, cut, client))
            await asyncio.wait((handed_over,), timeout=0.2)
            if handed_over.done():
                break
        await old.logged("serving → handed over")
        await old.kill()
        for path, cut, client in opened:
            await client.send(handshake(path)[cut:])
            assert (await client.answer()).startswith(b"HTTP/1.1 101")
        assert await kept.at_end()
        await relays.relay.count("lobby", len(opened))
        for _, _, client in opened:
            client.close()
        kept.close()


async def test_silence_does_not_add_up(tmp_path: Path) -> None:
    """A client that answers its pings is never closed, however often the relay hands over."""
    async with (
        succession(tmp_path, PING_INTERVAL="2s") as relays,
        relays.relay.connect("alice") as alice,
        relays.unix("bob") as bob,
    ):
        for number in range(3):
            await relays.next()
            await say_and_hear(alice, bob, str(number))
        await asyncio.sleep(3.1)
        await say_and_hear(alice, bob, "still here")


async def test_client_that_is_gone_is_found_by_the_successor(tmp_path: Path) -> None:
    """With 4002, as one relay would."""
    async with succession(tmp_path, PING_INTERVAL="1s") as relays:
        with await RawClient.connect(relays.listen, "/ws/ghost") as ghost:
            await relays.next()
            _, close = await ghost.read_until_close()
            assert close is not None
            assert close.close_code == 4002


async def test_history_and_counters_go_on(tmp_path: Path) -> None:
    """Newcomers are told what was said before; nothing is counted twice or forgotten."""
    async with (
        succession(tmp_path) as relays,
        relays.relay.connect("alice") as alice,
        relays.unix("bob") as bob,
    ):
        for number in range(5):
            await say_and_hear(alice, bob, str(number))
        await relays.next()
        async with relays.unix("carol", history=3) as carol:
            assert [await _hear(carol) for _ in range(3)] == ["2", "3", "4"]
        await relays.next()
        await say_and_hear(alice, bob, "5")
        _, health = await relays.relay.get("/health")
        assert health["totals"]["messages"] == 6
        assert health["totals"]["connections"] == 3
        assert health["users"] == ["alice", "bob"]


async def test_limit_per_address_holds_over_handovers(tmp_path: Path) -> None:
    """Places that are taken stay taken, and become free when their clients leave."""
    async with (
        succession(tmp_path, MAX_CONNECTIONS_PER_IP="2") as relays,
        relays.relay.connect("alice"),
    ):
        async with relays.relay.connect("bob"):
            await relays.next()
            assert (await relays.relay.get("/ws/carol"))[0] == 429
        while (await relays.relay.get("/ws/carol"))[0] == 429:
            await asyncio.sleep(0.01)


async def test_old_relay_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """With exit code 0, and nobody notices."""
    async with succession(tmp_path) as relays:
        old = relays.relay
        async with relays.relay.connect("alice") as alice, relays.unix("bob") as bob:
            await relays.next()
            assert await old.stop(signal.SIGTERM) == 0
            await say_and_hear(alice, bob, "hello")


async def test_post_under_way_is_answered_and_not_lost(tmp_path: Path) -> None:
    """With 503 by the relay that has handed over: it publishes no more."""
    async with succession(tmp_path) as relays, relays.relay.connect("alice") as alice:
        post = await RawClient.open(relays.relay.port)
        head = b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
        await post.send(head + b"he")
        while await relays.relay.metric("relay_unfinished_bytes") < 2:
            await asyncio.sleep(0.01)
        await relays.next()
        await post.send(b"llo")
        assert (await post.answer()).startswith(b"HTTP/1.1 503")
        post.close()
        async with aiohttp.ClientSession() as session:
            url = f"{relays.relay.http}/rooms/lobby/messages"
            async with session.post(url, data=b"hello") as answer:
                assert answer.status == 202
        assert await _hear(alice) == b"hello"


async def test_expiring_token_expires_in_the_successor(tmp_path: Path) -> None:
    """When it would have expired."""
    secret = "s" * 32
    async with succession(tmp_path, JWT_SECRET=secret) as relays:
        token = mint(UserName("alice"), ["lobby"], 12, secret)
        async with relays.relay.connect("alice", token=token) as alice:
            await relays.next()
            with pytest.raises(Exception, match="4401"):
                await _hear(alice)
