"""Rule 5: memory is bounded, per client and for all together."""

import asyncio
import contextlib

import aiohttp
from aiohttp.test_utils import TestClient, TestServer

from relay.edge.counters import Counters
from relay.edge.heartbeat import Heartbeat
from relay.edge.memory import Memory
from relay.edge.roster import Roster
from relay.room.hub import Hub
from relay.room.memory_log import MemoryLog
from relay.room.shared import Shared
from relay.room.tail import Budget, Retention
from relay.settings import Settings
from relay.web.app import create_app
from relay.web.context import CONTEXT
from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode

MEGABYTE = 1_000_000


async def test_unfinished_messages_of_all_clients_are_bounded(start_relay: StartRelay) -> None:
    """Beyond a quarter of the memory the longest is given up, with 1013; others go on."""
    relay = await start_relay(memory=600 * MEGABYTE)
    unfinished = encode(2, bytes(9 * MEGABYTE))[: 8 * MEGABYTE]
    hoarders = []
    for number in range(25):
        hoarder = await RawClient.connect(relay.port, f"/ws/hoarder-{number}")
        hoarders.append(hoarder)
        with contextlib.suppress(ConnectionError):
            await hoarder.send(unfinished)
    await relay.logged("1013 relay is out of memory, and this client held ")
    while await relay.metric("relay_unfinished_bytes") > 150 * MEGABYTE:
        await asyncio.sleep(0.05)
    async with relay.connect("alice") as alice, relay.connect("bob") as bob:
        await alice.send(b"x" * MEGABYTE)
        assert await bob.recv() == b"x" * MEGABYTE
    for hoarder in hoarders:
        hoarder.close()
    while await relay.metric("relay_unfinished_bytes") > 0:
        await asyncio.sleep(0.05)


async def test_pings_between_fragments_do_not_hide_an_unfinished_message(
    relay: Relay, room: str
) -> None:
    """What counts is what is kept."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        before = await relay.metric("relay_unfinished_bytes")
        for opcode in (1, 0, 0, 0, 0):
            await alice.send(encode(opcode, b"x" * 100_000, fin=False))
            await alice.send(encode(9, b"?"))
            assert await alice.read() is not None
        while not 400_000 < await relay.metric("relay_unfinished_bytes") - before < 600_000:
            await asyncio.sleep(0.05)
        await alice.send(encode(0, b"end"))
        await alice.send(encode(9, b"!"))
        assert await alice.read() is not None
        while await relay.metric("relay_unfinished_bytes") != before:
            await asyncio.sleep(0.05)


async def test_history_of_all_rooms_is_bounded(start_relay: StartRelay) -> None:
    """Beyond an eighth of the memory, rooms that have been quiet for longest are forgotten."""
    relay = await start_relay(memory=600 * MEGABYTE, HISTORY_SIZE="2MB")
    async with aiohttp.ClientSession() as session:
        for number in range(100):
            url = f"{relay.http}/rooms/room-{number}/messages"
            async with session.post(url, data=b"%03d" % number + bytes(900_000)) as answer:
                assert answer.status == 202
    assert 60 * MEGABYTE < await relay.metric("relay_history_bytes") <= 75 * MEGABYTE
    async with relay.connect("alice", room="room-99", history=1) as alice:
        message = await alice.recv()
        assert isinstance(message, bytes)
        assert message[:3] == b"099"
    while (await relay.get("/rooms"))[1]["count"] > 90:
        await asyncio.sleep(0.05)
    async with (
        relay.connect("bob", room="room-0", history=1) as bob,
        relay.connect("carol", room="room-0") as carol,
    ):
        await carol.send("nothing before this")
        assert await bob.recv() == "nothing before this"


async def test_relay_short_of_memory_takes_no_new_work() -> None:
    """503 and why, for `/ready`, connections and `POST`; those who are in stay."""
    app = create_app(Settings.load(), 1000)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/ready")).status == 200
        app[CONTEXT].heartbeat.is_overloaded = True
        for method, path in (("GET", "/ready"), ("GET", "/ws/a"), ("POST", "/rooms/a/messages")):
            answer = await client.request(method, path)
            assert answer.status == 503
            assert (await answer.json())["error"].startswith("relay is short of memory")


async def test_heartbeat_notices_that_memory_is_short() -> None:
    """More than four fifths of the limit in use."""
    loop = asyncio.get_running_loop()

    retention = Retention(0, 0, Budget(0), loop.time)
    shared = Shared("relay", loop.call_soon)
    hub = Hub(lambda name, room, state: MemoryLog(room.on_entry, retention, state), shared)
    roster = Roster(shared.account, 0)
    for limit, expected in ((10**15, False), (1, True)):
        counters = Counters()
        memory = Memory(limit, limit)
        heartbeat = Heartbeat(hub, roster, counters, period=0.01, history_age=1, memory=memory)
        async with heartbeat.running():
            counters.loop_delay = -1.0
            while counters.loop_delay < 0:  # until it has beaten once
                await asyncio.sleep(0)
        assert heartbeat.is_overloaded is expected
