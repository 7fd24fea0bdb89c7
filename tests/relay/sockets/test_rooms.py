"""What an operator is told of a room: members, traffic, who has left, and what its log holds."""

import asyncio
from typing import Any

import aiohttp

from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.sockets.tokens import SECRET, token


async def _admin(relay: Relay, path: str, *, admin: bool = True) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token('root', 'elsewhere', admin=admin)}"}
    return await relay.get(path, headers=headers)


async def test_room_tells_its_members_and_who_has_left(relay: Relay, room: str) -> None:
    """The protocol, what was sent, and why somebody has gone, the latest first."""
    async with (
        relay.connect("alice", room=room) as alice,
        relay.connect("bob", room=room, subprotocols=["relay.v1"], session="01234567", lag="skip"),
    ):
        await alice.send("one")
        await alice.send("two")
        carol = await relay.connect("carol", room=room)
        await carol.close(4711, "tea")
        await relay.count(room, 2)
        while not (answer := (await relay.get(f"/rooms/{room}"))[1])["ended"]:
            await asyncio.sleep(0.01)
        assert answer["members"] == [
            {
                "user": "alice",
                "protocol": "raw",
                "lag": "close",
                "backlog": 0,
                "sent": 2,
                "skipped": 0,
            },
            {
                "user": "bob",
                "protocol": "relay.v1",
                "lag": "skip",
                "backlog": 0,
                "sent": 0,
                "skipped": 0,
            },
        ]
        assert [(each["user"], each["reason"]) for each in answer["ended"]] == [("carol", "left")]
        assert answer["ended"][0]["how"] == "1000 goodbye"
        assert answer["waiting"] is False


async def test_member_that_skips_shows_how_much(relay: Relay, room: str) -> None:
    """Raw members, too, who are told of it by nothing else; the backlog is told in bytes."""
    async with relay.connect("alice", room=room) as alice:
        bob = await relay.connect("bob", room=room, lag="skip")
        bob.transport.pause_reading()
        while True:
            for _ in range(20):
                await alice.send(b"x" * 100_000)
            _, answer = await relay.get(f"/rooms/{room}")
            member = next(each for each in answer["members"] if each["user"] == "bob")
            if member["skipped"] > 0:
                break
        assert member["backlog"] > 0
        bob.transport.abort()


async def test_rates_are_those_of_the_last_seconds(relay: Relay, room: str) -> None:
    """Messages and bytes of frames in, messages out; in the list as well."""
    async with (
        relay.connect("alice", room=room) as alice,
        relay.connect("bob", room=room),
        relay.connect("carol", room=room),
    ):
        for _ in range(10):
            await alice.send("12345678")
        await relay.request("POST", f"/rooms/{room}/messages", data=b"12345678")
        while True:
            _, answer = await relay.get(f"/rooms/{room}")
            if answer["messages_per_second"] == 5.5:  # eleven in two seconds
                break
            if answer["messages_per_second"] == 0:  # all are older by now: once more
                for _ in range(10):
                    await alice.send("12345678")
                await relay.request("POST", f"/rooms/{room}/messages", data=b"12345678")
            await asyncio.sleep(0.01)
        assert answer["bytes_per_second"] == 55.0
        assert answer["deliveries_per_second"] == (10 * 2 + 3) / 2
        _, listed = await relay.get("/rooms")
        line = next(each for each in listed["rooms"] if each["room"] == room)
        assert {"waiting", "backlog", "messages_per_second"} <= line.keys()


async def test_rates_are_unknown_where_nothing_is_kept(start_relay: StartRelay) -> None:
    """Null, and the inspector says that there is nothing to hold."""
    relay = await start_relay(HISTORY_SIZE="0")
    async with relay.connect("alice") as alice:
        await alice.send("gone")
        _, answer = await relay.get("/rooms/lobby")
        assert answer["messages_per_second"] is None
        _, answer = await relay.get("/rooms/lobby/messages")
        assert (answer["kept"], answer["messages"]) == (False, [])


async def test_log_is_read_without_being_in_the_room(relay: Relay, room: str) -> None:
    """Who, when, how long; text as text, binary as hexadecimal, and long ones cut."""
    path = f"/rooms/{room}/messages"
    assert (await relay.get(path))[1] == {
        "room": room,
        "kept": True,
        "cursor": None,
        "messages": [],
    }
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        for message in ("grüße", b"\0\xff", "ä" * 40_000, b"x" * 200):
            await alice.send(message)
            await bob.recv()
        await relay.request(
            "POST", path, data=b"posted", headers={"Content-Type": "text/plain; charset=utf-8"}
        )
        await bob.recv()
        _, answer = await relay.get(path)
        assert (await relay.get(f"/rooms/{room}"))[1]["count"] == 2
    shown = [
        (each["user"], each["size"], each.get("text", each.get("hex"))[:20])
        for each in answer["messages"]
    ]
    assert shown == [
        ("alice", 7, "grüße"),
        ("alice", 2, "00ff"),
        ("alice", 80_000, "ä" * 20),
        ("alice", 200, "78" * 10),
        (None, 6, "posted"),
    ]
    assert [bool(each.get("truncated")) for each in answer["messages"]] == [0, 0, 1, 0, 0]
    assert len(answer["messages"][2]["text"]) == 1000
    _, rest = await relay.get(f"{path}?after={answer['cursor']}")
    assert (rest["messages"], rest["cursor"]) == ([], answer["cursor"])
    _, last = await relay.get(f"{path}?limit=2")
    assert [each["size"] for each in last["messages"]] == [200, 6]


async def test_what_is_asked_wrongly_is_refused(relay: Relay) -> None:
    """With what is expected."""
    for query, error in (
        ("after=x", "after='x': expected a cursor, EPOCH-OFFSET"),
        ("limit=0", "limit='0': expected 1 to 200 messages"),
        ("limit=999999999999", "limit='999999999999': expected 1 to 200 messages"),
        ("since=1", "unknown option 'since'; known are after, limit"),
    ):
        assert await relay.get(f"/rooms/den/messages?{query}") == (400, {"error": error})


async def test_messages_are_for_administrators_where_tokens_are_on(
    start_relay: StartRelay,
) -> None:
    """And an administrator sees every room, whatever rooms the token names."""
    relay = await start_relay(JWT_SECRET=SECRET)
    async with relay.connect("alice", room="den", token=token("alice", "den")) as alice:
        await alice.send("secret")
        path = "/rooms/den/messages"
        assert await relay.get(path) == (401, {"error": "token required"})
        refused = 403, {"error": "token does not have the claim admin"}
        assert await _admin(relay, path, admin=False) == refused
        assert (await relay.get("/rooms/den"))[1] == {"room": "den", "users": [], "count": 1}
        assert (await _admin(relay, "/rooms/den", admin=False))[1]["users"] == []
        assert (await _admin(relay, "/rooms/den"))[1]["users"] == ["alice"]
        assert [each["room"] for each in (await _admin(relay, "/rooms"))[1]["rooms"]] == ["den"]
        while not (answer := (await _admin(relay, path))[1])["messages"]:
            await asyncio.sleep(0.01)
        assert answer["messages"][0]["text"] == "secret"


async def test_other_origins_pages_read_it_only_if_allowed(start_relay: StartRelay) -> None:
    """As with connecting."""
    relay = await start_relay(ALLOWED_ORIGINS="https://app.example")
    url = f"{relay.http}/rooms/den/messages"
    async with aiohttp.request("GET", url, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
