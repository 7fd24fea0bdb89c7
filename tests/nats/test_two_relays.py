"""Two relays and their clients: one room, one order."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import StartRelay
from tests.nats.server import NatsServer
from tests.process import Relay
from tests.raw import RawClient
from tests.relay.annotated import Annotated
from tests.relay.sockets.tokens import SECRET, closed, token


async def test_members_of_two_relays_hear_each_other(relays: list[Relay]) -> None:
    """Raw ones, in both directions."""
    one, two = relays
    async with one.connect("alice") as alice, two.connect("bob") as bob:
        await two.count("lobby", 2)
        await one.count("lobby", 2)
        await alice.send("hi")
        assert await bob.recv() == "hi"
        await bob.send(b"yo")
        assert await alice.recv() == b"yo"


async def test_a_session_goes_on_at_another_relay(relays: list[Relay]) -> None:
    """Its cursor counts there; nothing is lost or repeated."""
    one, two = relays
    async with await Annotated.connect(one, "bob") as bob:
        alice = await Annotated.connect(one, "alice")
        await alice.socket.send("1")
        await bob.socket.send("2")
        assert (await alice.message()).data == "2"
        while alice.place.acked != 1:
            await alice.read()
        await bob.socket.send("3")
        alice.cut()
        async with await Annotated.connect(two, "alice", alice.place) as again:
            assert again.welcome["gap"] is False
            assert again.welcome["received"] == 1
            assert sorted(again.welcome["members"]) == ["alice", "bob"]
            assert (await again.message()).data == "3"
            await again.socket.send("4")
            assert await bob.messages(2) == ["1", "4"]


async def test_a_name_in_use_at_another_relay_is_refused(relays: list[Relay]) -> None:
    """Its holder is asked there, by a ping; a token or the same session would take it over."""
    one, two = relays
    async with one.connect("alice"):
        await one.count("lobby", 1)
        with pytest.raises(InvalidStatus) as refusal:
            async with two.connect("alice"):
                pass
        assert refusal.value.response.status_code == 409


async def test_who_gives_no_sign_of_life_loses_the_name_to_one_elsewhere(
    relays: list[Relay],
) -> None:
    """A ghost at one relay locks nobody out at another."""
    one, two = relays
    ghost = await RawClient.open(one.port)
    await ghost.send(
        b"GET /ws/alice HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await ghost.answer()
    await one.count("lobby", 1)
    async with two.connect("bob") as bob, two.connect("alice") as alice:
        await alice.send("here")
        assert await bob.recv() == "here"
    await one.logged("4000 alice connected again from elsewhere")
    ghost.close()


async def test_everybody_is_shown_on_every_relay(relays: list[Relay]) -> None:
    """In /rooms, /rooms/{room} and /health, also of a relay that nobody of the room is at."""
    one, two = relays
    async with one.connect("alice", room="den"), one.connect("bob"), two.connect("carol"):
        for relay in relays:
            await relay.count("den", 1)
            den = (await relay.get("/rooms/den"))[1]
            assert (den["users"], den["count"]) == (["alice"], 1)
            await relay.count("lobby", 2)
            while (await relay.get("/health"))[1]["users"] != ["alice", "bob", "carol"]:
                await asyncio.sleep(0.1)
            listed = (await relay.get("/rooms"))[1]
            counts = [(room["room"], room["count"]) for room in listed["rooms"]]
            assert (counts, listed["count"]) == ([("lobby", 2), ("den", 1)], 2)


async def test_history_of_a_room_that_never_had_a_member_here(relays: list[Relay]) -> None:
    """It is read from the stream; what is published by POST is in it, once it is answered."""
    one, two = relays
    async with one.connect("alice") as alice:
        for number in range(5):
            await alice.send(f"{number}")
        await one.count("lobby", 1)
        status, answer = await one.request("POST", "/rooms/lobby/messages", data="posted")
        assert (status, answer["members"]) == (202, 1)
    async with two.connect("bob", history=3) as bob:
        assert [await bob.recv() for _ in range(3)] == ["3", "4", "posted"]
    status, _ = await two.request("POST", "/rooms/elsewhere/messages", data="first")
    assert status == 202
    async with one.connect("carol", room="elsewhere", history=10) as carol:
        assert await carol.recv() == "first"


async def test_ready_says_that_nats_is_away(server: NatsServer, relays: list[Relay]) -> None:
    """And newcomers are refused; afterwards everything is as before."""
    one, _ = relays
    async with one.connect("alice"):
        await server.stop()
        while (await one.get("/ready"))[0] != 503:
            await asyncio.sleep(0.05)
        assert (await one.get("/ready"))[1]["error"] == "NATS is away"
        assert await one.metric("relay_nats_up") == 0
        with pytest.raises(InvalidStatus) as refusal:
            async with one.connect("bob"):
                pass
        assert refusal.value.response.status_code == 503
        await server.start()
        while (await one.get("/ready"))[0] != 200:
            await asyncio.sleep(0.05)
        async with one.connect("bob") as bob:
            await bob.send("hi")


async def test_a_revoked_token_counts_nowhere(server: NatsServer, start_relay: StartRelay) -> None:
    """Nor on a relay that is started later; who is in with it is closed everywhere."""
    env = {"NATS_URL": server.url, "JWT_SECRET": SECRET}
    one, two = [await start_relay(**env) for _ in range(2)]
    admin = token("root", admin=True)
    bad = token("alice", jti="bad")
    async with two.connect("alice", token=bad) as alice:
        status, _ = await one.request(
            "POST", "/revoke", json={"jti": "bad"}, headers={"Authorization": f"Bearer {admin}"}
        )
        assert status == 200
        assert await closed(alice) == (4403, "token has been revoked")
    late = await start_relay(**env)
    for relay in (one, two, late):
        with pytest.raises(InvalidStatus) as refusal:
            async with relay.connect("alice", token=bad):
                pass
        assert refusal.value.response.status_code == 401


async def test_disconnect_reaches_every_relay(server: NatsServer, start_relay: StartRelay) -> None:
    """One user's connection, or everybody's in a room; those of other rooms stay."""
    env = {"NATS_URL": server.url, "JWT_SECRET": SECRET}
    one, two = [await start_relay(**env) for _ in range(2)]
    admin = {"Authorization": f"Bearer {token('root', admin=True)}"}

    async def disconnect(room: str, **body: str) -> int:
        status, answer = await one.request(
            "POST", f"/rooms/{room}/disconnect", json=body, headers=admin
        )
        assert status == 200
        return int(answer["closed"])

    async with (
        two.connect("alice", token=token("alice"), room="den") as alice,
        two.connect("bob", token=token("bob"), room="den") as bob,
        one.connect("carol", token=token("carol"), room="den") as carol,
        two.connect("dave", token=token("dave")) as dave,
    ):
        while (await one.get("/rooms/den", headers=admin))[1]["count"] != 3:
            await asyncio.sleep(0.01)
        assert await disconnect("den", user="alice") == 1
        assert (await closed(alice))[0] == 4403
        assert await disconnect("den") == 2
        for client in (bob, carol):
            assert (await closed(client))[0] == 4403
        assert await disconnect("den") == 0
        await dave.ping()


async def test_live_tells_what_is_known_of_nats(server: NatsServer, relays: list[Relay]) -> None:
    """The connections of both relays, this one's first; how long an append takes."""
    one, two = relays
    async with one.connect("alice"), two.connect("bob"), two.connect("carol"):
        while list((nats := await _nats(one))["relays"].values()) != [1, 2]:
            await asyncio.sleep(0.05)
        assert nats["up"] is True
        assert nats["unacknowledged"] in (0, 1)
        assert 0 < nats["latency"]["p50"] <= nats["latency"]["p99"]
        while list((there := await _nats(two))["relays"].values()) != [2, 1]:
            await asyncio.sleep(0.05)
        assert list(there["relays"]) == list(nats["relays"])[::-1]
        await server.stop()
        while (await _nats(one))["up"]:
            await asyncio.sleep(0.05)


async def _nats(relay: Relay) -> dict[str, Any]:
    """Return what `/live` says of NATS."""
    _, live = await relay.get("/live")
    found = live["nats"]
    assert isinstance(found, dict)
    return found
