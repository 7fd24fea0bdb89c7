"""Clients that mean harm, and coincidences that look like it: each of these was a defect once."""

import asyncio
import contextlib
import time

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode

MEGABYTE = 1_000_000
SECRET = "a secret of at least thirty-two bytes"
HANDSHAKE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def _numbered(client: ClientConnection, count: int, size: int = 60_000) -> None:
    for number in range(count):
        await client.send(number.to_bytes(4, "big") + bytes(size))


async def test_history_and_live_messages_meet_without_a_gap(relay: Relay, room: str) -> None:
    """Whoever joins in the middle of a stream misses nothing and gets nothing twice."""
    async with relay.connect("alice", room=room) as alice:
        talk = asyncio.create_task(_numbered(alice, 20_000, 10))
        for join in range(10):
            with await RawClient.connect(
                relay.port, f"/ws/late-{join}?room={room}&history=50"
            ) as late:
                numbers: list[int] = []
                while len(numbers) < 100 and not (talk.done() and numbers[-1:] == [19_999]):
                    frame = await late.read()
                    assert frame is not None
                    numbers.append(int.from_bytes(frame.payload[:4], "big"))
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        await talk


async def test_draining_relay_still_holds_its_senders(start_relay: StartRelay) -> None:
    """A sender that ignores 1012 cannot fill a room that waits."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="4s", memory=500 * MEGABYTE)
    stuck = [
        await RawClient.connect(relay.port, f"/ws/stuck-{number}", receive_buffer=4096)
        for number in range(5)
    ]
    senders = [await RawClient.connect(relay.port, f"/ws/sender-{number}") for number in range(2)]
    data = encode(2, bytes(60_000)) * 16

    async def flood(sender: RawClient) -> None:
        try:
            while True:
                await sender.send(data)
        except ConnectionError:
            pass

    floods = [asyncio.create_task(flood(sender)) for sender in senders]
    while await relay.metric("relay_waits_total") == 0:
        await asyncio.sleep(0.02)
    assert await relay.stop() == 0
    assert not [line for line in relay.log if "MemoryError" in line]
    for task in floods:
        task.cancel()
    for client in (*stuck, *senders):
        client.close()


async def test_slow_member_that_still_sends_loses_nothing_at_the_drain(
    start_relay: StartRelay,
) -> None:
    """What the kernel holds for it must not be lost to a reset either."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="100s")
    with await RawClient.connect(relay.port, "/ws/slow", receive_buffer=8192) as slow:
        async with relay.connect("alice") as alice, relay.connect("bob") as bob:
            for start in range(0, 1500, 50):  # before anybody asks whether it is alive
                for number in range(start, start + 50):
                    await alice.send(number.to_bytes(4, "big") + bytes(1000))
                for _ in range(50):
                    await bob.recv()
            stopped = asyncio.create_task(relay.stop())
            numbers = []
            chatter = asyncio.create_task(_chatter(slow))
            while frame := await slow.read():
                if frame.opcode == 8:
                    break
                numbers.append(int.from_bytes(frame.payload[:4], "big"))
                await asyncio.sleep(0.0025)  # this is what makes it slow
            assert numbers == list(range(1500))
            assert frame is not None
            assert frame.close_code == 1012
            chatter.cancel()
            await slow.send(b"\x88\x80\x00\x00\x00\x00")
            assert await stopped == 0


async def _chatter(client: RawClient) -> None:
    while True:
        await client.text(b"hello")
        await asyncio.sleep(0.02)


async def test_newcomer_that_waits_for_a_name_is_not_let_into_a_draining_relay(
    start_relay: StartRelay,
) -> None:
    """Its handshake is dropped unanswered, like any other during the drain."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="6s")
    with await RawClient.connect(relay.port, "/ws/alice") as ghost:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"GET /ws/alice HTTP/1.1\r\nHost: x\r\n" + HANDSHAKE + b"\r\n")
        assert (await ghost.read()) is not None  # the ping that asks whether it is alive
        stopped = asyncio.create_task(relay.stop())
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert await stopped == 0


async def test_waiting_room_gives_healthy_members_everything_before_1012(
    start_relay: StartRelay,
) -> None:
    """What was accepted and waits for slow readers is not lost for those who are not."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="5s")
    stuck = [
        await RawClient.connect(relay.port, f"/ws/stuck-{number}", receive_buffer=4096)
        for number in range(4)
    ]
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:
        talk = asyncio.create_task(_numbered(alice, 1000))
        heard = []
        while await relay.metric("relay_waits_total") == 0:
            heard.append(await bob.recv())
        accepted = await relay.metric("relay_messages_total")
        stopped = asyncio.create_task(relay.stop())
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                heard.append(await bob.recv())
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert len(heard) >= accepted
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        for client in stuck:
            client.close()
        assert await stopped == 0


async def test_client_that_resets_during_its_history_is_one_line_in_the_log(
    start_relay: StartRelay,
) -> None:
    """Thousands of entries are a few writes, and none after the connection is gone."""
    relay = await start_relay()
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:
        for _ in range(2000):
            await alice.send(b"x")
            await bob.recv()
        before = len(relay.log)
        for number in range(20):
            late = await RawClient.connect(relay.port, f"/ws/late-{number}?history=1000000")
            late.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: close with RST
            late.close()
        await relay.count("lobby", 2)
        assert not [line for line in relay.log if "socket.send" in line]
        assert len(relay.log) - before <= 40


async def test_ping_flood_is_answered_in_order(relay: Relay, room: str) -> None:
    """Each of them while the backlog allows, and always the latest (RFC 6455 §5.5.3)."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        pings = b"".join(encode(9, number.to_bytes(4, "big")) for number in range(10_000))
        await alice.send(pings)
        pongs: list[int] = []
        while not pongs or pongs[-1] != 9999:
            frame = await alice.read()
            assert frame is not None
            assert frame.opcode == 10
            pongs.append(int.from_bytes(frame.payload, "big"))
        assert pongs == sorted(set(pongs))


async def test_bodies_that_are_not_whole_are_bounded(start_relay: StartRelay) -> None:
    """They count among the unfinished messages of all clients, and are refused beyond."""
    relay = await start_relay(memory=400 * MEGABYTE)
    head = b"POST /rooms/x/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
    writers = []
    for _ in range(16):
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(head + bytes(9_900_000))
        writers.append(writer)
    await relay.logged("503 relay is out of memory for this message")
    assert await relay.metric("relay_unfinished_bytes") <= 100 * MEGABYTE
    for writer in writers:
        writer.transport.abort()
    while await relay.metric("relay_unfinished_bytes"):
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("request_lines", "status"),
    [
        (b"GET /ws/a HTTP/1.1\r\nHost: x\r\nOrigin: http://[\r\n" + HANDSHAKE, 403),
        (
            b"GET /ws/a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xc3\xa9\r\n"
            b"Authorization: Bearer GOOD\r\n",
            400,
        ),
        (b"GET /ws/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff.a.b\r\n" + HANDSHAKE, 401),
        (
            b"GET /ws/a HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Protocol: bearer.\xff\r\n" + HANDSHAKE,
            401,
        ),
        (
            b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
            b"Authorization: Bearer GOOD\r\nContent-Length: 4\r\n",
            415,
        ),
        (b"GET /ws/a?echo=%FF%0a HTTP/1.1\r\nHost: x\r\n" + HANDSHAKE, 400),
        (b"CONNECT relay:8080 HTTP/1.1\r\nHost: x\r\n", 404),
    ],
)
async def test_strange_bytes_get_a_sentence_and_no_traceback(
    start_relay: StartRelay, request_lines: bytes, status: int
) -> None:
    """Whatever stands in a header, the log has one line for it."""
    from tests.relay.sockets.test_admission import token

    relay = await start_relay(JWT_SECRET=SECRET, ALLOWED_ORIGINS="https://app.example")
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    good = token("a").encode()
    writer.write(request_lines.replace(b"GOOD", good) + b"\r\njunk")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    line = await relay.logged(f": {status} ")
    assert "refused" in line
    writer.close()


async def test_body_that_breaks_after_its_refusal_is_no_traceback(start_relay: StartRelay) -> None:
    """The refusal has said it all; what still comes in is thrown away."""
    relay = await start_relay()
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(
        b"POST /rooms/x/messages HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 99\r\n\r\n"
    )
    assert b" 415 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"junk")
    while await reader.read(4096):
        pass
    writer.close()


async def test_client_gone_in_the_middle_of_a_body_is_no_traceback(
    start_relay: StartRelay,
) -> None:
    """It is refused, though nobody is there to read it."""
    relay = await start_relay()
    _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"POST /rooms/x/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    await writer.drain()
    await relay.get("/ready")
    writer.transport.abort()
    await relay.logged("refused POST: 400 body ended early")


async def test_malformed_requests_are_counted(start_relay: StartRelay) -> None:
    """One line each, without the stranger's bytes."""
    relay = await start_relay()
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"NONSENSE token=eyJhbGciOi\r\n\r\n")
    await reader.read(12)
    writer.close()
    await relay.logged("refused a request: 400 ")
    assert not [line for line in relay.log if "eyJ" in line]
    async with aiohttp.request("GET", relay.http + "/metrics") as answer:
        assert 'relay_refused_total{status="400"} 1.0' in await answer.text()


async def test_trickling_majority_cannot_hold_a_room(start_relay: StartRelay) -> None:
    """They take a little all the time; after five seconds the room goes on without them."""
    relay = await start_relay()
    hostile = [
        await RawClient.connect(relay.port, f"/ws/hostile-{number}", receive_buffer=16384)
        for number in range(3)
    ]

    async def trickle(client: RawClient) -> None:
        loop = asyncio.get_running_loop()
        try:
            while await loop.sock_recv(client.socket, 15_000):
                await asyncio.sleep(0.1)
        except ConnectionError:
            pass

    trickles = [asyncio.create_task(trickle(client)) for client in hostile]
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:
        talk = asyncio.create_task(_numbered(alice, 600))
        longest = 0.0
        for _ in range(600):
            start = time.monotonic()
            await bob.recv()
            longest = max(longest, time.monotonic() - start)
        await talk
        await relay.count("lobby", 2)
        assert longest < 15  # one wait of 5 s, on a busy machine; it was without a bound
    for task, client in zip(trickles, hostile, strict=True):
        task.cancel()
        client.close()


async def test_half_open_client_whose_buffers_fill_late_is_gone_in_time(
    start_relay: StartRelay,
) -> None:
    """That its backlog begins to wait is no sign of life."""
    relay = await start_relay(PING_INTERVAL="2s")
    with await RawClient.connect(relay.port, "/ws/ghost", receive_buffer=4096) as ghost:
        async with relay.connect("alice") as alice, relay.connect("bob") as bob:
            assert await ghost.read() is not None  # the ping, after 2 s
            await alice.send(bytes(6_000_000))
            await bob.recv()
            await relay.logged("ghost left lobby: 4002")


async def test_place_of_a_ghost_is_free_for_its_successor(start_relay: StartRelay) -> None:
    """A limit does not lock out who takes its own name over."""
    relay = await start_relay(MAX_CONNECTIONS_PER_IP="1", MAX_CONNECTIONS="1")
    with await RawClient.connect(relay.port, "/ws/alice"):
        async with relay.connect("alice") as alice:
            await alice.send("back")


async def test_pages_of_other_origins_can_read_why_they_were_refused(
    start_relay: StartRelay,
) -> None:
    """The plain GET that a browser asks after a refused upgrade."""
    relay = await start_relay(ALLOWED_ORIGINS="https://app.example")
    headers = {"Origin": "https://app.example"}
    async with aiohttp.request("GET", relay.http + "/ws/alice", headers=headers) as answer:
        assert answer.status == 426
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_member_that_is_cut_off_at_the_deadline_is_a_warning(
    start_relay: StartRelay,
) -> None:
    """Lost data does not look like success."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="2s")
    with await RawClient.connect(relay.port, "/ws/deaf", receive_buffer=4096):
        async with relay.connect("alice") as alice, relay.connect("bob") as bob:
            await alice.send(bytes(8_000_000))
            await bob.recv()
            assert await relay.stop() == 0
    line = await relay.logged("deaf left lobby: 1012")
    assert "WARNING" in line
    assert "cut off with" in line
