"""Many clients of `relay.v1`: through a crash, and one that reads too slowly."""

import asyncio
import json
from typing import Any

import pytest

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode
from tests.relay.annotated import open_raw

_CROWD = 1000


async def _note(client: RawClient, kind: str) -> dict[str, Any]:
    while True:
        frame = await client.read()
        assert frame is not None
        if frame.payload.startswith(b'\0{"type":"' + kind.encode()):
            note: dict[str, Any] = json.loads(frame.payload[1:])
            return note


async def test_thousand_clients_are_told_of_a_crash(start_relay: StartRelay) -> None:
    """A gap, and that nobody knows what became of what was not acknowledged; nothing silently."""
    relay = await start_relay(MAX_CONNECTIONS="2000")
    clients = []
    for number in range(_CROWD):
        query = f"session=session-{number}&attempt=1"
        clients.append(await open_raw(relay.port, f"/ws/c{number}?{query}"))
    cursors = [(await _note(client, "welcome"))["cursor"] for client in clients]
    assert len({cursor.partition("-")[0] for cursor in cursors}) == 1
    await asyncio.gather(*(client.text(b"said before the crash") for client in clients))
    await relay.kill()
    for client in clients:
        client.close()
    again = await start_relay(MAX_CONNECTIONS="2000")
    for number, cursor in enumerate(cursors):
        query = f"session=session-{number}&attempt=2&cursor={cursor}&skip=0&acked=0"
        client = await open_raw(again.port, f"/ws/c{number}?{query}")
        welcome = await _note(client, "welcome")
        assert (welcome["gap"], welcome["received"]) == (True, None)
        await client.text(b"counts on")
        assert (await _note(client, "ack"))["received"] == 1
        client.close()


@pytest.mark.parametrize("is_cut", [False, True], ids=["reads on", "is cut"])
async def test_slow_reader_with_lag_skip_is_told_exactly_what_it_missed(
    relay: Relay, room: str, is_cut: bool
) -> None:
    """Its own messages are acknowledged all the same; after a cut it goes on behind the gap."""
    query = f"room={room}&session=slow-session&lag=skip"
    slow = await open_raw(relay.port, f"/ws/slow?{query}&attempt=1", receive_buffer=65536)
    count = 400
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        for start in range(0, count, 10):  # before anybody asks whether it is alive
            for number in range(start, start + 10):
                await alice.send(number.to_bytes(4, "big") + bytes(50_000))
            for _ in range(10):
                await bob.recv()
            if start % 100 == 50:
                await slow.send(encode(1, b"mine"))
                assert await bob.recv() == "mine"
        expected, missed, received, cursor = 0, 0, 0, ""
        while expected < count:
            frame = await slow.read()
            assert frame is not None
            if not frame.payload.startswith(b"\0{"):
                assert int.from_bytes(frame.payload[:4], "big") == expected
                expected += 1
                continue
            note = json.loads(frame.payload[1:])
            if note["type"] == "gap":
                missed += note["missed"]
                expected += note["missed"]
            if note["type"] == "ack":
                received = max(received, note["received"])
            if note["type"] in ("gap", "cursor"):
                cursor = note["cursor"]
        assert missed > 0
        assert (expected, received) == (count, 4)
        if is_cut:
            slow.close()
            query += f"&attempt=2&cursor={cursor}&skip=0&acked={received}"
            slow = await open_raw(relay.port, f"/ws/slow?{query}")
            welcome = await _note(slow, "welcome")
            assert (welcome["gap"], welcome["received"]) == (False, 4)
        await alice.send("behind it")
        while (frame := await slow.read()) and frame.payload.startswith(b"\0{"):
            pass
        assert frame is not None
        assert frame.payload == b"behind it"
    slow.close()
