"""Rules 1 and 2: a slow reader never slows a room, and an overloaded room slows its senders."""

import asyncio
import itertools

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import Frame, RawClient


async def _talk(sender: ClientConnection, listeners: list[ClientConnection], rounds: int) -> None:
    """Send 60 KB messages, and wait until every listener has each of them."""
    for number in range(rounds):
        message = number.to_bytes(4, "big") + bytes(60_000)
        await sender.send(message)
        assert await asyncio.gather(*(listener.recv() for listener in listeners)) == (
            [message] * len(listeners)
        )


async def test_slow_member_is_closed_without_delaying_others(relay: Relay, room: str) -> None:
    """Fifty members go on while one that does not read falls 1 MB behind and gets 4001."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096):
        members = [await relay.connect(f"member-{index}", room=room) for index in range(50)]
        await _talk(members[0], members[1:], 150)
        line = await relay.logged(f"slow left {room}")
        assert "WARNING" in line
        assert "4001 backlog of 1" in line
        assert line.endswith("bytes exceeds limit of 1000000")
        assert (await relay.get(f"/rooms/{room}"))[1]["count"] == 50
        await _talk(members[0], members[1:], 5)
        for member in members:
            await member.close()


async def test_slow_member_that_wakes_up_is_told_why(relay: Relay, room: str) -> None:
    """What it gets is whole messages in order up to a gap-free end, then 4001, then the end."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as slow:
        members = [await relay.connect(f"member-{index}", room=room) for index in range(3)]
        talk = asyncio.create_task(_talk(members[0], members[1:], 150))
        await relay.count(room, 3)
        frames, close = await slow.read_until_close()
        assert close is not None
        assert close.close_code == 4001
        numbers = [int.from_bytes(frame.payload[:4], "big") for frame in frames]
        assert numbers == list(range(len(numbers)))
        assert await slow.at_end()
        await talk
        for member in members:
            await member.close()


async def test_stuck_member_is_closed_after_five_seconds(relay: Relay, room: str) -> None:
    """Its backlog is below the limit, but has not shrunk for 5 s."""
    path = f"/ws/stuck?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096):
        async with (
            relay.connect("alice", room=room) as alice,
            relay.connect("bob", room=room) as bob,
        ):
            await alice.send(bytes(6_000_000))
            assert len(await bob.recv()) == 6_000_000
            line = await relay.logged(f"stuck left {room}")
            assert "4001 backlog of " in line
            assert line.endswith("bytes has not shrunk for 5 s")


async def test_slow_link_is_not_a_stuck_member(relay: Relay, room: str) -> None:
    """One that takes a large message steadily, but for longer than 5 s, stays."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as slow:
        async with (
            relay.connect("alice", room=room) as alice,
            relay.connect("bob", room=room) as bob,
        ):
            await alice.send(bytes(8_000_000))
            await bob.recv()
            loop = asyncio.get_running_loop()
            end = loop.time() + 7
            while loop.time() < end:  # some kilobytes a second
                assert await loop.sock_recv(slow.socket, 2048)
                await asyncio.sleep(0.1)
            assert (await relay.get(f"/rooms/{room}"))[1]["count"] == 3


async def test_one_message_is_never_too_big_for_an_idle_member(relay: Relay, room: str) -> None:
    """10 MB arrive at a slow reader that had no backlog, although 1 MB is the limit."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=65536) as slow:
        async with relay.connect("alice", room=room) as alice:
            message = bytes(range(250)) * 40_000
            await alice.send(message)
            frame = await slow.read()
            assert frame is not None
            assert frame.payload == message


async def test_member_with_lag_skip_misses_messages_and_stays(relay: Relay, room: str) -> None:
    """What it gets is whole messages in order, with gaps; they are counted."""
    path = f"/ws/skips?room={room}&lag=skip"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as skips:
        async with (
            relay.connect("alice", room=room) as alice,
            relay.connect("bob", room=room) as bob,
        ):
            await _talk(alice, [bob], 150)
            _, health = await relay.get("/health")
            assert health["totals"]["skipped"] > 0
            numbers: list[int] = []
            reader = asyncio.create_task(_numbers(skips, numbers))
            for last in itertools.count(150):  # until it has caught up
                await alice.send(last.to_bytes(4, "big"))
                await bob.recv()
                await asyncio.sleep(0)
                if numbers and numbers[-1] >= 150:
                    break
            reader.cancel()
            assert numbers == sorted(set(numbers))
            assert len(numbers) < 150


async def _numbers(client: RawClient, numbers: list[int]) -> None:
    while frame := await client.read():
        numbers.append(int.from_bytes(frame.payload[:4], "big"))


async def test_congested_room_slows_its_sender_and_loses_nothing(
    start_relay: StartRelay,
) -> None:
    """The only receiver reads slowly: the sender is not read meanwhile, and nobody is closed."""
    relay = await start_relay()
    with await RawClient.connect(relay.port, "/ws/slow", receive_buffer=65536) as slow:
        async with relay.connect("alice") as alice:
            count = 200
            sent = asyncio.create_task(_send_numbers(alice, count))
            numbers: list[int] = []
            while len(numbers) < count:
                frame = await slow.read()
                assert frame is not None
                assert frame.opcode == 2, frame.close_text
                numbers.append(int.from_bytes(frame.payload[:4], "big"))
                await asyncio.sleep(0.02)  # this is what makes it slow, also where the log is late
            await sent
            assert numbers == list(range(count))
            assert (await relay.get("/rooms/lobby"))[1]["count"] == 2
    async with aiohttp.request("GET", relay.http + "/metrics") as answer:
        assert "relay_waits_total 0.0" not in await answer.text()


async def _send_numbers(client: ClientConnection, count: int) -> None:
    for number in range(count):
        await client.send(number.to_bytes(4, "big") + bytes(60_000))


async def test_majority_of_stuck_readers_delays_a_room_and_then_is_gone(
    relay: Relay, room: str
) -> None:
    """They are closed after 5 s without progress; the honest member gets everything."""
    path = f"/ws/stuck-%d?room={room}"
    stuck = [
        await RawClient.connect(relay.port, path % index, receive_buffer=4096) for index in range(3)
    ]
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        count = 300
        sent = asyncio.create_task(_send_numbers(alice, count))
        for number in range(count):
            message = await bob.recv()
            assert isinstance(message, bytes)
            assert int.from_bytes(message[:4], "big") == number
        await sent
        assert sorted((await relay.get(f"/rooms/{room}"))[1]["users"]) == ["alice", "bob"]
    for client in stuck:
        client.close()


async def test_publishing_into_a_congested_room_waits_then_succeeds(
    relay: Relay, room: str
) -> None:
    """`POST` waits like any sender, and goes on when the stuck majority is gone."""
    path = f"/ws/stuck-%d?room={room}"
    stuck = [
        await RawClient.connect(relay.port, path % index, receive_buffer=4096) for index in range(3)
    ]
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        flood = asyncio.create_task(_send_numbers(alice, 300))
        for _ in range(30):
            await bob.recv()
        status, body = await relay.request("POST", f"/rooms/{room}/messages", data=b"posted")
        assert (status, body["room"]) == (202, room)
        heard = [await bob.recv() for _ in range(300 - 30 + 1)]
        assert heard.count(b"posted") == 1
        await flood
    for client in stuck:
        client.close()


async def test_history_never_counts_as_lag(start_relay: StartRelay, room: str) -> None:
    """A newcomer that takes its 5 MB of history slowly is not closed for it."""
    relay = await start_relay(HISTORY_SIZE="6MB", WRITE_BUFFER_SIZE="64KB")
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        await _talk(alice, [bob], 90)
        path = f"/ws/slow?room={room}&history=1000"
        with await RawClient.connect(relay.port, path, receive_buffer=65536) as slow:
            await alice.send(b"\xff\xff\xff\xfflive")
            await bob.recv()
            numbers: list[int] = []
            while not numbers or numbers[-1] != 0xFFFFFFFF:
                frame = await slow.read()
                assert frame is not None
                numbers.append(int.from_bytes(frame.payload[:4], "big"))
                await asyncio.sleep(0.002)
            assert numbers == [*range(90), 0xFFFFFFFF]


async def test_pings_of_a_client_that_does_not_read_cost_no_memory(relay: Relay, room: str) -> None:
    """Only the latest ping is answered when it has a backlog."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as slow:
        async with (
            relay.connect("alice", room=room) as alice,
            relay.connect("bob", room=room) as bob,
        ):
            await alice.send(bytes(5_000_000))
            await bob.recv()
            ping = b"\x89\x84\x00\x00\x00\x00"
            for number in range(5000):
                await slow.send(ping + number.to_bytes(4, "big"))
            frames: list[Frame] = []
            while not frames or frames[-1].payload != (4999).to_bytes(4, "big"):
                frame = await slow.read()
                assert frame is not None
                frames.append(frame)
            assert frames[0].opcode == 2
            pongs = [int.from_bytes(frame.payload, "big") for frame in frames[1:]]
            assert pongs == sorted(pongs)
            assert len(pongs) < 5000


async def test_room_data_never_follows_the_close_frame(relay: Relay, room: str) -> None:
    """A member that is told to go hears nothing more, while the room goes on."""
    async with relay.connect("alice", room=room) as alice:
        with await RawClient.connect(relay.port, f"/ws/bob?room={room}") as bob:
            talk = asyncio.create_task(_send_numbers(alice, 400))
            assert await bob.read() is not None
            await bob.text(b"\xff")
            _, close = await bob.read_until_close()
            assert close is not None
            assert close.close_code == 1007
            await bob.send(b"\x88\x80\x00\x00\x00\x00")
            assert await bob.at_end()
            await talk


async def test_closing_a_stuck_reader_frees_its_socket(relay: Relay, room: str) -> None:
    """It is reset although it never answers the close frame."""
    path = f"/ws/stuck?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as stuck:
        async with relay.connect("alice", room=room) as alice:
            await alice.send(bytes(3_000_000))
            await stuck.text(b"\xff")  # refused: the close frame waits behind 3 MB
            await relay.logged(f"stuck left {room}: 1007")


async def test_end_of_stream_without_close_frame_is_a_leave(relay: Relay, room: str) -> None:
    """A client that half-closes is gone at once, its backlog too."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        alice.socket.shutdown(1)
        assert await alice.at_end()
    await relay.logged(f"alice left {room}: ")


@pytest.mark.parametrize("frame", [b"\x83\x80\1\2\3\4", b"\x89\xfe\x00\x7e", b"\x80\x80\1\2\3\4"])
async def test_broken_frames_close_with_1002(relay: Relay, room: str, frame: bytes) -> None:
    """Unknown opcode, oversized control frame, continuation of nothing."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.send(frame)
        _, close = await alice.read_until_close()
        assert close is not None
        assert close.close_code == 1002
        assert close.close_text


async def test_websockets_client_sees_code_and_reason(start_relay: StartRelay) -> None:
    """The library that nobody here wrote reports what the catalogue says."""
    relay = await start_relay(MAX_MESSAGE_SIZE="100")
    async with relay.connect("alice") as alice:
        await alice.send(bytes(101))
        with pytest.raises(ConnectionClosed) as closed:
            await alice.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert "101" in closed.value.rcvd.reason and "100" in closed.value.rcvd.reason
