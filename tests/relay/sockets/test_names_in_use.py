"""A name in use: the relay pings its holder, and then decides."""

import asyncio
import json
import socket

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, handshake


async def _refused(relay: Relay, user: str, **options: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(relay.url(user, **options), proxy=None):
            pass
    body = refused.value.response.body
    assert body is not None
    return refused.value.response.status_code, json.loads(body)["error"]


async def test_name_of_a_live_member_is_refused(relay: Relay, room: str) -> None:
    """409, also to a plain GET; another room is another matter."""
    async with relay.connect("alice", room=room) as alice:
        assert await _refused(relay, "alice", room=room) == (
            409,
            f"name 'alice' is in use in room '{room}'",
        )
        status, _ = await relay.get(f"/ws/alice?room={room}")
        assert status == 409
        async with relay.connect("alice", room=room + "-2"), relay.connect("bob", room=room) as bob:
            await bob.send("unharmed")
            assert await alice.recv() == "unharmed"


async def test_name_of_a_dead_member_is_taken_over(relay: Relay, room: str) -> None:
    """Who gives no sign of life within 2 s is closed with 4000, and the newcomer is let in."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as ghost:
        async with (
            relay.connect("alice", room=room) as alice,
            relay.connect("bob", room=room) as bob,
        ):
            await bob.send("welcome back")
            assert await alice.recv() == "welcome back"
            frames, close = await ghost.read_until_close()
            assert [frame.opcode for frame in frames] == [9]
            assert close is not None
            assert (close.close_code, close.close_text) == (
                4000,
                "alice connected again from elsewhere",
            )


async def test_plain_get_on_a_dead_members_name_evicts_nobody(relay: Relay, room: str) -> None:
    """It gets an answer from what is known, changes nothing, and has nobody asked."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        status, _ = await relay.get(f"/ws/alice?room={room}")
        assert status == 409
        async with relay.connect("bob", room=room) as bob:
            await bob.send("the first that comes")
        frame = await alice.read()
        assert frame is not None
        assert frame.payload == b"the first that comes"
        assert (await relay.get(f"/rooms/{room}"))[1]["count"] == 1


async def test_two_newcomers_race_for_a_dead_members_name(relay: Relay, room: str) -> None:
    """One gets it, the other is told that it is in use."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as ghost:

        async def compete() -> ClientConnection | int:
            try:
                return await relay.connect("alice", room=room)
            except InvalidStatus as refused:
                return refused.response.status_code

        outcomes = await asyncio.gather(compete(), compete())
        winners = [outcome for outcome in outcomes if isinstance(outcome, ClientConnection)]
        assert len(winners) == 1
        assert 409 in outcomes
        assert (await relay.get(f"/rooms/{room}"))[1]["users"] == ["alice"]
        _, close = await ghost.read_until_close()
        assert close is not None
        assert close.close_code == 4000
        await winners[0].close()


async def test_two_newcomers_race_for_a_free_name(relay: Relay, room: str) -> None:
    """Nobody holds it: the first to arrive has it, and answers the ping."""
    outcomes = await asyncio.gather(
        *(relay.connect("alice", room=room).__aenter__() for _ in range(2)), return_exceptions=True
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, ClientConnection)]
    (loser,) = (outcome for outcome in outcomes if isinstance(outcome, InvalidStatus))
    assert len(winners) == 1
    assert loser.response.status_code == 409
    await winners[0].close()


async def test_member_that_the_relay_does_not_read_counts_as_alive(
    start_relay: StartRelay, room: str
) -> None:
    """Its silence is the relay's doing: a paused sender keeps its name."""
    relay = await start_relay(WRITE_BUFFER_SIZE="8MB", READ_BUFFER_SIZE="64KB")
    path = f"/ws/stuck?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as stuck:
        async with relay.connect("alice", room=room) as alice:
            flood = asyncio.create_task(_flood(alice))
            while await relay.metric("relay_waits_total") == 0:
                await asyncio.sleep(0.02)
            assert (await _refused(relay, "alice", room=room))[0] == 409
            flood.cancel()
            stuck.close()


async def test_member_that_takes_its_backlog_counts_as_alive(relay: Relay, room: str) -> None:
    """A slow reader cannot see the ping behind its backlog; that the backlog shrinks is enough."""
    path = f"/ws/slow?room={room}"
    with await RawClient.connect(relay.port, path, receive_buffer=4096) as slow:
        async with relay.connect("alice", room=room) as alice:
            await alice.send(bytes(9_000_000))
            reader = asyncio.create_task(_read_slowly(slow))
            assert (await _refused(relay, "slow", room=room))[0] == 409
            reader.cancel()


async def _read_slowly(client: RawClient) -> None:
    while await asyncio.get_running_loop().sock_recv(client.socket, 65536):
        await asyncio.sleep(0.05)


async def _flood(client: ClientConnection) -> None:
    while True:
        await client.send(bytes(60_000))


async def test_newcomer_who_goes_while_the_holder_is_asked_is_forgotten(
    start_relay: StartRelay,
) -> None:
    """At once: what it sent, and its place, are not kept for the two seconds of the question."""
    relay = await start_relay(MAX_CONNECTIONS_PER_IP="2")

    async def status(user: str) -> int:
        return (await relay.get(f"/ws/{user}?room={room}"))[0]

    for attempt in range(10):  # on a busy machine the question may be over before all is seen
        room = f"room-{attempt}"
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}"):
            with socket.create_connection(("127.0.0.1", relay.port)) as newcomer:
                newcomer.sendall(handshake(f"/ws/alice?room={room}"))
                while await status("bob") != 429 and await status("alice") == 409:
                    await asyncio.sleep(0.01)
            while await status("bob") == 429 and await status("alice") == 409:
                await asyncio.sleep(0.01)
            if await status("alice") == 409:  # nothing is decided yet
                return
    pytest.fail("places of those who went were kept until the holder had not answered")
