"""Rule 6: a half-open connection is gone within 1.5 ping intervals, and no live one is."""

import asyncio
import time

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode

SECRET = "a secret of at least thirty-two bytes"


async def test_silent_client_is_pinged_and_then_closed(start_relay: StartRelay) -> None:
    """It gets one ping, and 4002 when nothing is heard."""
    relay = await start_relay(PING_INTERVAL="400ms")
    with await RawClient.connect(relay.port, "/ws/ghost") as ghost:
        frames, close = await ghost.read_until_close()
        assert [(frame.opcode, frame.payload) for frame in frames] == [(9, b"")]
        assert close is not None
        assert (close.close_code, close.close_text) == (4002, "nothing heard for 0.6 s")
        assert await ghost.at_end()
    assert "WARNING" in await relay.logged("ghost left lobby: 4002")


async def test_client_that_answers_pings_stays(start_relay: StartRelay) -> None:
    """A pong is enough, for as long as one likes."""
    relay = await start_relay(PING_INTERVAL="1s")
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:
        with await RawClient.connect(relay.port, "/ws/quiet") as quiet:
            for _ in range(3):
                ping = await quiet.read()
                assert ping is not None
                assert ping.opcode == 9
                await quiet.send(encode(10, ping.payload))
            await alice.send("still here?")
            assert await bob.recv() == "still here?"
            message = await quiet.read()
            assert message is not None
            assert message.payload in (b"still here?", b"")


async def test_client_that_talks_is_not_pinged(start_relay: StartRelay) -> None:
    """Anything heard is a sign of life."""
    relay = await start_relay(PING_INTERVAL="3s")
    async with relay.connect("bob") as bob:
        with await RawClient.connect(relay.port, "/ws/alice?echo=1") as alice:
            for number in range(70):
                await alice.text(b"%d" % number)
                frame = await alice.read()
                assert frame is not None
                assert (frame.opcode, frame.payload) == (1, b"%d" % number)
                assert await bob.recv() == str(number)
                await asyncio.sleep(0.05)  # the pace of talking, not a synchronisation


async def test_sender_that_the_relay_does_not_read_is_not_taken_for_dead(
    start_relay: StartRelay,
) -> None:
    """While its room waits for slow readers nothing can be heard from it."""
    relay = await start_relay(PING_INTERVAL="2s", WRITE_BUFFER_SIZE="64KB")
    stuck = [
        await RawClient.connect(relay.port, f"/ws/stuck-{index}", receive_buffer=4096)
        for index in range(3)
    ]
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:

        async def talk() -> None:
            for number in range(150):
                await alice.send(number.to_bytes(4, "big") + bytes(60_000))

        talk_task = asyncio.create_task(talk())
        for number in range(150):
            message = await bob.recv()
            assert isinstance(message, bytes)
            assert int.from_bytes(message[:4], "big") == number
        await talk_task
    for client in stuck:
        client.close()


async def test_ping_of_a_client_is_answered_with_its_payload(relay: Relay, room: str) -> None:
    """RFC 6455 §5.5.3."""
    async with relay.connect("alice", room=room) as alice:
        async with asyncio.timeout(5):
            await (await alice.ping(b"payload"))


async def test_expired_token_ends_the_live_connection(start_relay: StartRelay) -> None:
    """4401, when `exp` is reached."""
    relay = await start_relay(JWT_SECRET=SECRET)
    token = jwt.encode(
        {"sub": "alice", "room": "lobby", "exp": int(time.time()) + 2}, SECRET, algorithm="HS256"
    )
    async with relay.connect("alice", token=token) as alice:
        with pytest.raises(ConnectionClosed) as closed:
            await alice.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "token expired")


async def test_unfinished_handshake_is_cut_off(relay: Relay) -> None:
    """A client that never ends its request head has 15 s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"GET /ws/alice HTTP/1.1\r\nHost: localhost\r\n")
    assert await reader.read() == b""
    writer.close()


async def test_unmasked_frames_are_refused(relay: Relay, room: str) -> None:
    """A client has to mask all of them (RFC 6455 §5.1), and nothing of it is relayed."""
    async with relay.connect("bob", room=room) as bob, relay.connect("carol", room=room) as carol:
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
            await alice.send(b"\x81\x02hi")
            _, close = await alice.read_until_close()
            assert close is not None
            assert close.close_code == 1002
            assert close.close_text == "frame from a client is not masked"
        await carol.send("nothing before this")
        assert await bob.recv() == "nothing before this"
