"""What clients are told when something has died: a relay, or all that NATS held."""

import asyncio
from typing import Any

from relay.edge.nats.peers import DEAD, PERIOD
from tests.conftest import StartRelay
from tests.nats.server import NatsServer
from tests.process import Relay
from tests.relay.annotated import Annotated, Message
from tests.relay.sockets.tokens import closed


async def test_empty_store_tells_every_client_a_gap(
    server: NatsServer, relays: list[Relay]
) -> None:
    """Each is closed with 1013, and resumes in a new epoch, wherever it comes back."""
    names = ("alice", "bob", "carol", "dave")
    clients = [
        await Annotated.connect(relays[at % 2], name, room="den") for at, name in enumerate(names)
    ]
    for client in clients:
        await client.socket.send(f"from {client.place.session}")
    for client in clients:
        await client.messages(len(names) - 1)
        while client.place.acked != 1:
            await client.read()
    assert clients[0].place.cursor is not None
    epoch = clients[0].place.cursor.partition("-")[0]
    await server.stop()
    server.store = server.store.with_name("empty")
    await server.start()
    for client in clients:
        assert await closed(client.socket) == (1013, "relay cannot reach the log of its rooms")
    for at, client in enumerate(clients):
        relay = relays[(at + at // 2) % 2]  # two of them at the other one
        again = await Annotated.connect(relay, names[at], client.place, room="den")
        assert again.welcome["gap"] is True
        assert again.welcome["received"] is None
        assert again.welcome["cursor"].partition("-")[0] != epoch
        await again.socket.close()


async def test_leave_of_a_dead_relays_members_is_told_once(
    server: NatsServer, start_relay: StartRelay
) -> None:
    """By whichever relay finds that it is gone; then the names are free, of raw members too."""
    one, two, dying = [await start_relay(NATS_URL=server.url) for _ in range(3)]
    async with (
        await Annotated.connect(one, "alice") as alice,
        await Annotated.connect(two, "bob") as bob,
    ):
        async with await Annotated.connect(dying, "carol"), dying.connect("dave"):
            for relay in (one, two):
                await relay.count("lobby", 4)
            await dying.kill()
        for relay in (one, two):
            await relay.count("lobby", 2)
        async with two.connect("carol"), two.connect("dave"):
            for relay in (one, two):
                await relay.count("lobby", 4)
            for client in (alice, bob):
                await client.socket.send(f"last of {client.place.session}")
            for client in (alice, bob):
                found = await _until_message(client)
                for name in ("carol", "dave"):
                    kinds = [note["type"] for note in found if note["user"] == name]
                    assert kinds == ["join", "leave", "join"], name
    assert DEAD + 3 * PERIOD < 15  # seconds: what is promised, where nothing is busy


async def _until_message(client: Annotated) -> list[Any]:
    """Return the notes of joins and leaves before the next message."""
    found: list[Any] = []
    async with asyncio.timeout(60):
        while not isinstance(note := await client.read(), Message):
            if note["type"] in ("join", "leave"):
                found.append(note)
    return found
