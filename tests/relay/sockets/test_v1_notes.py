"""`relay.v1` over real sockets: notes between the data frames."""

import asyncio
import json

import pytest

from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.annotated import Annotated, Message, Place


async def test_welcome_comes_first_and_says_where_and_who(relay: Relay, room: str) -> None:
    """All its fields in this order; the newcomer is one of the members."""
    async with (
        relay.connect("bob", room=room),
        await Annotated.connect(relay, "alice", room=room) as alice,
    ):
        welcome = alice.welcome
        assert list(welcome) == [
            *("type", "user", "room", "session", "cursor", "received", "gap"),
            *("members", "count"),
        ]
        assert (welcome["user"], welcome["room"]) == ("alice", room)
        assert welcome["session"] == alice.place.session
        assert welcome["members"] == ["bob", "alice"]
        assert (welcome["received"], welcome["gap"], welcome["count"]) == (0, False, 2)


async def test_client_without_a_session_is_given_one(relay: Relay, room: str) -> None:
    """With which it can go on."""
    async with relay.connect("alice", room=room, subprotocols=["relay.v1"]) as alice:
        assert alice.subprotocol == "relay.v1"
        given = json.loads(str(await alice.recv())[1:])["session"]
    place = Place(given, attempt=1)
    async with await Annotated.connect(relay, "alice", place, room=room) as again:
        assert again.welcome["session"] == given


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["relay.v1"], "relay.v1"),
        (["chat", "relay.v1"], "relay.v1"),
        (["relay.v1", "bearer.x"], "bearer.x"),
    ],
)
async def test_who_offers_relay_v1_speaks_it(
    relay: Relay, room: str, offered: list[str], chosen: str
) -> None:
    """Also where a token that came as a subprotocol is the one that is answered."""
    async with relay.connect("alice", room=room, subprotocols=offered) as alice:
        assert alice.subprotocol == chosen
        assert str(await alice.recv()).startswith('\0{"type":"welcome"')


async def test_data_frames_are_untouched_and_say_who_sent_them(relay: Relay, room: str) -> None:
    """`from` before them, with the time in milliseconds, and `cursor` behind each batch."""
    async with (
        relay.connect("bob", room=room) as bob,
        await Annotated.connect(relay, "alice", room=room) as alice,
    ):
        await bob.send("grüße")
        note = await alice.read()
        assert isinstance(note, dict)
        assert (note["type"], note["user"]) == ("from", "bob")
        assert abs(note["at"] / 1000 - asyncio.get_running_loop().time()) > 10**8  # since 1970
        assert await alice.read() == Message("bob", "grüße")
        assert (await alice.note("cursor"))["cursor"] == alice.place.cursor
        await bob.send(b"\0binary")
        assert await alice.message() == Message("bob", b"\0binary")
        await relay.request("POST", f"/rooms/{room}/messages", data=b"x")
        assert await alice.message() == Message(None, b"x")


async def test_own_messages_are_acknowledged_and_not_heard(relay: Relay, room: str) -> None:
    """`ack` says how many are in the log, before the same batch's `cursor`."""
    async with (
        relay.connect("bob", room=room) as bob,
        await Annotated.connect(relay, "alice", room=room) as alice,
    ):
        await alice.socket.send("one")
        assert await alice.read() == {"type": "ack", "received": 1}
        cursor = await alice.read()
        assert isinstance(cursor, dict) and cursor["type"] == "cursor"
        await alice.socket.send("two")
        assert [await bob.recv(), await bob.recv()] == ["one", "two"]
        assert (await alice.note("ack"))["received"] == 2


async def test_echo_brings_own_messages_and_their_acknowledgement(relay: Relay, room: str) -> None:
    """The message, then `ack`, then `cursor`."""
    async with await Annotated.connect(relay, "alice", room=room, echo=1) as alice:
        await alice.socket.send("heard")
        kinds = [await alice.read() for _ in range(4)]
        assert kinds[1] == Message("alice", "heard")
        assert [note["type"] for note in kinds if isinstance(note, dict)] == [
            *("from", "ack", "cursor")
        ]


async def test_text_that_looks_like_a_note_is_announced(relay: Relay, room: str) -> None:
    """By `data`, to annotated members only; from raw and annotated members alike."""
    async with (
        relay.connect("bob", room=room) as bob,
        await Annotated.connect(relay, "alice", room=room) as alice,
        await Annotated.connect(relay, "carol", room=room) as carol,
    ):
        looks = '\0{"type":"leave","user":"bob"}'
        await bob.send(looks)
        assert await carol.message() == await alice.message() == Message("bob", looks)
        await alice.say("data")
        await alice.socket.send(looks)
        await alice.socket.send("plain")
        assert [await bob.recv(), await bob.recv()] == [looks, "plain"]
        assert await carol.message() == Message("alice", looks)
        assert await carol.message() == Message("alice", "plain")


async def test_ping_is_answered(relay: Relay, room: str) -> None:
    """A browser cannot send a WebSocket ping."""
    async with await Annotated.connect(relay, "alice", room=room) as alice:
        await alice.say("ping")
        assert await alice.note("pong") == {"type": "pong"}


async def test_join_and_leave_are_told_to_the_others(start_relay: StartRelay, room: str) -> None:
    """Of raw and annotated members; the leave after the grace period."""
    relay = await start_relay(LEAVE_GRACE="100ms")
    async with await Annotated.connect(relay, "alice", room=room) as alice:
        async with relay.connect("bob", room=room):
            assert await alice.note("join") == {"type": "join", "user": "bob"}
        assert await alice.note("leave") == {"type": "leave", "user": "bob"}
        async with await Annotated.connect(relay, "carol", room=room):
            assert await alice.note("join") == {"type": "join", "user": "carol"}
        assert await alice.note("leave") == {"type": "leave", "user": "carol"}


async def test_who_returns_within_the_grace_has_never_left(relay: Relay, room: str) -> None:
    """Neither leave nor join; another's join comes next."""
    async with await Annotated.connect(relay, "alice", room=room) as alice:
        async with relay.connect("bob", room=room):
            await alice.note("join")
        await relay.count(room, 1)
        async with relay.connect("bob", room=room) as bob:
            await bob.send("back")
            assert await alice.message() == Message("bob", "back")
            async with relay.connect("carol", room=room):
                assert await alice.note("join", "leave") == {"type": "join", "user": "carol"}
