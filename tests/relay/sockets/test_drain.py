"""Rule 7: stopping is a procedure."""

import asyncio
import contextlib
import signal

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.conftest import StartRelay
from tests.raw import RawClient
from tests.relay.annotated import Annotated


async def test_two_hundred_members_are_told_1012_and_lose_nothing(
    start_relay: StartRelay,
) -> None:
    """Everything that was accepted before SIGTERM is delivered first; then exit 0."""
    relay = await start_relay(DRAIN_WINDOW="1s", DRAIN_TIMEOUT="10s")
    members = [await relay.connect(f"member-{index}") for index in range(200)]
    heard: list[list[int]] = [[] for _ in members]
    codes: list[int] = []

    async def listen(member: ClientConnection, numbers: list[int]) -> None:
        try:
            while True:
                message = await member.recv()
                assert isinstance(message, bytes)
                numbers.append(int.from_bytes(message[:4], "big"))
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            assert closed.rcvd.reason == "relay is restarting"
            codes.append(closed.rcvd.code)

    listeners = [
        asyncio.create_task(listen(member, numbers))
        for member, numbers in zip(members, heard, strict=True)
    ]
    for number in range(100):
        await members[0].send(number.to_bytes(4, "big") + bytes(10_000))
    # The relay has read all of it when the pong comes back; then it is stopped.
    await (await members[0].ping())
    stopped = asyncio.create_task(relay.stop())
    await asyncio.gather(*listeners)
    assert await stopped == 0
    assert codes == [1012] * 200
    assert heard[0] == []
    assert all(numbers == list(range(100)) for numbers in heard[1:])
    assert relay.log[-1].endswith("draining → drained, 0 connections")
    # Not each has a line: there are no more than some hundred in a second.
    left = [line for line in relay.log if " left lobby: " in line]
    assert all(line.endswith("left lobby: 1012 relay is restarting") for line in left)


async def test_slow_member_gets_its_backlog_and_then_1012(start_relay: StartRelay) -> None:
    """The close frame waits for what was delivered before it."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="20s")
    with await RawClient.connect(relay.port, "/ws/slow", receive_buffer=65536) as slow:
        async with relay.connect("alice") as alice, relay.connect("bob") as bob:
            message = bytes(range(250)) * 20_000
            await alice.send(message)
            assert await bob.recv() == message
            stopped = asyncio.create_task(relay.stop())
            frames, close = await slow.read_until_close()
            assert close is not None
            assert close.close_code == 1012
            assert [frame.payload for frame in frames] == [message]
            await slow.send(b"\x88\x80\x00\x00\x00\x00")
            assert await stopped == 0


async def test_member_that_is_sending_sees_1012_and_loses_nothing_it_was_sent(
    start_relay: StartRelay,
) -> None:
    """Its unread input must not turn the end into a reset (RST) that eats delivered data."""
    relay = await start_relay(DRAIN_WINDOW="0s", DRAIN_TIMEOUT="10s")
    with await RawClient.connect(relay.port, "/ws/busy", receive_buffer=65536) as busy:
        async with relay.connect("alice") as alice, relay.connect("bob") as bob:
            message = bytes(2_000_000)
            await alice.send(message)
            assert await bob.recv() == message

            async def keep_sending() -> None:
                try:
                    while True:
                        await busy.text(b"x" * 60_000)
                except ConnectionError:
                    pass

            sender_task = asyncio.create_task(keep_sending())
            readers = asyncio.gather(_until_closed(alice), _until_closed(bob))
            stopped = asyncio.create_task(relay.stop())
            frames, close = await busy.read_until_close()
            assert close is not None
            assert close.close_code == 1012
            assert [len(frame.payload) for frame in frames] == [2_000_000]
            assert await stopped == 0
            sender_task.cancel()
            await readers


async def _until_closed(client: ClientConnection) -> None:
    try:
        while True:
            await client.recv()
    except ConnectionClosed:
        pass


async def test_draining_relay_takes_no_new_connection(start_relay: StartRelay) -> None:
    """The listener is closed; a kept-alive connection learns the state but gets no handshake."""
    relay = await start_relay(DRAIN_WINDOW="25s", DRAIN_TIMEOUT="30s")
    kept_alive = [await _open(relay.port) for _ in range(2)]
    with await RawClient.connect(relay.port, "/ws/stays"):
        stopped = asyncio.create_task(relay.stop())
        await relay.logged("serving → draining")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", relay.port)
        reader, writer = kept_alive[0]
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        body = await reader.read(100_000)
        assert b'"status":"draining"' in body
        writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503")
        reader, writer = kept_alive[1]
        writer.write(
            b"GET /ws/late HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        await relay.stop()
        await stopped
        for _, writer in kept_alive:
            writer.close()


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    await reader.readuntil(b"}")
    return reader, writer


async def test_members_that_ignore_1012_are_cut_off_within_the_deadline(
    start_relay: StartRelay,
) -> None:
    """Exit 0 all the same."""
    relay = await start_relay(DRAIN_WINDOW="1s", DRAIN_TIMEOUT="2s")
    with await RawClient.connect(relay.port, "/ws/deaf", receive_buffer=4096) as deaf:
        async with relay.connect("alice") as alice:
            await alice.send(bytes(8_000_000))
            async with asyncio.timeout(10):
                assert await relay.stop() == 0
        deaf.close()


async def test_second_signal_stops_at_once(start_relay: StartRelay) -> None:
    """The window is not waited for, and the exit code tells."""
    relay = await start_relay(DRAIN_WINDOW="50s", DRAIN_TIMEOUT="60s")
    async with relay.connect("alice"), relay.connect("bob"):
        relay.process.send_signal(signal.SIGTERM)
        await relay.logged("serving → draining")
        async with asyncio.timeout(10):
            assert await relay.stop() == 1
        await relay.logged("second signal: ")


async def test_sigint_drains_too(start_relay: StartRelay) -> None:
    """Control-C in a terminal is a stop like any other."""
    relay = await start_relay(DRAIN_WINDOW="0s")
    async with relay.connect("alice") as alice:
        stopped = asyncio.create_task(relay.stop(signal.SIGINT))
        with pytest.raises(ConnectionClosed) as closed:
            await alice.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert await stopped == 0


async def test_annotated_members_are_told_when_they_will_be_asked_to_leave(
    start_relay: StartRelay,
) -> None:
    """`drain` says so at once, spread over the window; then 1012, and the session goes on after."""
    relay = await start_relay(DRAIN_WINDOW="1s", DRAIN_TIMEOUT="10s", LEAVE_GRACE="0s")
    members = [await Annotated.connect(relay, f"member-{index}") for index in range(20)]
    stopped = asyncio.create_task(relay.stop())
    delays = []
    for member in members:
        note = await member.read()
        while not isinstance(note, dict) or note["type"] != "drain":
            note = await member.read()
        delays.append(note["retry_after_ms"])
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await member.read()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert sorted(delays) == [round(index * 50) for index in range(20)]
    assert await stopped == 0
