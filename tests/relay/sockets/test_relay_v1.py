"""`relay.v1` over real sockets: notes between the data frames, and going on after a cut."""

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode
from tests.relay.annotated import Annotated, Message, Place

_PROTOCOL = b"Sec-WebSocket-Protocol: relay.v1\r\n"


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


async def test_nothing_is_missed_or_repeated_over_a_cut(relay: Relay, room: str) -> None:
    """Not what came while nobody was there, nor what was half delivered."""
    async with relay.connect("bob", room=room) as bob:
        alice = await Annotated.connect(relay, "alice", room=room)
        await bob.send("1")
        assert await alice.messages(1) == ["1"]
        alice.cut()  # its cursor has perhaps not been read
        for word in ("2", "3", "4"):
            await bob.send(word)
        async with await Annotated.connect(relay, "alice", alice.place, room=room) as again:
            assert again.welcome["gap"] is False
            assert await again.messages(3) == ["2", "3", "4"]
            await bob.send("live")
            assert await again.messages(1) == ["live"]


async def test_received_says_what_the_log_holds(relay: Relay, room: str) -> None:
    """So that the client sends again exactly what is missing."""
    async with relay.connect("bob", room=room) as bob:
        alice = await Annotated.connect(relay, "alice", room=room)
        for word in ("1", "2", "3"):
            await alice.socket.send(word)
        assert [await bob.recv() for _ in range(3)] == ["1", "2", "3"]
        alice.cut()  # it has read no acknowledgement
        assert alice.place.acked == 0
        async with await Annotated.connect(relay, "alice", alice.place, room=room) as again:
            assert again.welcome["received"] == 3
            await again.socket.send("4")
            while again.place.acked < 4:
                await again.note("ack")


async def test_same_session_takes_over_at_once_and_its_ghost_gets_4000(
    relay: Relay, room: str
) -> None:
    """No question to the holder, no 409."""
    ghost = await Annotated.connect(relay, "alice", room=room)
    async with await Annotated.connect(relay, "alice", ghost.place, room=room) as alice:
        with pytest.raises(ConnectionClosed) as closed:
            await ghost.read()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4000
        await alice.say("ping")
        await alice.note("pong")
    async with (
        relay.connect("alice", room=room),
        await Annotated.connect(relay, "carol", room=room),
    ):
        with pytest.raises(InvalidStatus):  # another session is asked for its holder, as ever
            await Annotated.connect(relay, "carol", Place("another-session"), room=room)


async def test_late_connection_of_the_same_session_is_dropped(relay: Relay, room: str) -> None:
    """Its attempt is not greater than the latest."""
    async with await Annotated.connect(relay, "alice", Place("session-x", 4), room=room) as alice:
        late = relay.connect(
            "alice", room=room, session="session-x", attempt=5, subprotocols=["relay.v1"]
        )
        async with late as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4000
        await alice.say("ping")
        await alice.note("pong")


async def test_cursor_of_a_forgotten_room_is_a_gap(relay: Relay, room: str) -> None:
    """The welcome says so, and that nobody knows what became of unacknowledged messages."""
    place = Place("session-of-alice", attempt=3, cursor="0123456789ab-17", acked=5)
    async with await Annotated.connect(relay, "alice", place, room=room) as alice:
        welcome = alice.welcome
        assert (welcome["gap"], welcome["received"]) == (True, None)
        await alice.socket.send("counts on")
        assert (await alice.note("ack"))["received"] == 6
    beyond = Place("session-of-bob", cursor=welcome["cursor"] + "000")
    async with await Annotated.connect(relay, "bob", beyond, room=room) as bob:
        assert bob.welcome["gap"] is True


async def test_cursor_that_the_log_has_trimmed_is_a_gap(start_relay: StartRelay, room: str) -> None:
    """And only then."""
    relay = await start_relay(HISTORY_SIZE="2KB")
    async with relay.connect("bob", room=room) as bob:
        alice = await Annotated.connect(relay, "alice", room=room)
        carol = await Annotated.connect(relay, "carol", room=room)
        await bob.send("seen")
        assert await alice.messages(1) == await carol.messages(1) == ["seen"]
        await carol.note("cursor")
        alice.cut()
        await bob.send("x" * 500)
        assert await carol.messages(1) == ["x" * 500]
        await carol.note("cursor")
        carol.cut()
        for _ in range(3):
            await bob.send("y" * 500)
        async with await Annotated.connect(relay, "dave", room=room, history=9) as dave:
            assert await dave.messages(2) == ["y" * 500] * 2
        async with await Annotated.connect(relay, "alice", alice.place, room=room) as alice:
            assert alice.welcome["gap"] is True
        async with await Annotated.connect(relay, "carol", carol.place, room=room) as carol:
            assert carol.welcome["gap"] is (len(await _held(relay, room)) < 3)


async def _held(relay: Relay, room: str) -> list[str | bytes]:
    async with relay.connect("witness", room=room, history=99, echo=1) as witness:
        await witness.send("end")
        found = []
        while (message := await witness.recv()) != "end":
            found.append(message)
        return found


async def test_history_begins_at_a_batch_and_a_cursor_takes_its_place(
    relay: Relay, room: str
) -> None:
    """Beside a valid cursor it does not count."""
    with await RawClient.connect(relay.port, f"/ws/bob?room={room}") as bob:
        await bob.send(encode(1, b"1") + encode(1, b"2") + encode(1, b"3"))
        async with await Annotated.connect(relay, "alice", room=room, history=1) as alice:
            assert await alice.messages(3) == ["1", "2", "3"]
            await alice.note("cursor")
            alice.cut()
            await bob.text(b"4")
            async with await Annotated.connect(
                relay, "alice", alice.place, room=room, history=99
            ) as again:
                assert await again.messages(1) == ["4"]


BAD_OPTIONS = [
    ("session=short", "session: expected 8 to 64 letters, digits, - or _"),
    ("session=12345678%2F", "session: expected 8 to 64 letters, digits, - or _"),
    ("session=12345678&attempt=0", "attempt: expected a number from 1"),
    ("session=12345678&attempt=x", "attempt: expected a number of at most 15 digits"),
    ("session=12345678&cursor=17", "cursor: expected one that the relay has told"),
    ("session=12345678&skip=1", "skip: expected a cursor beside it"),
    ("session=12345678&acked=-1", "acked: expected a number of at most 15 digits"),
]


@pytest.mark.parametrize(("query", "problem"), BAD_OPTIONS, ids=[query for query, _ in BAD_OPTIONS])
async def test_bad_options_close_with_1008(
    relay: Relay, room: str, query: str, problem: str
) -> None:
    """After the upgrade, because a browser sees a close and no refusal; nobody hears of it."""
    async with await Annotated.connect(relay, "alice", room=room) as alice:
        bob = await _raw(relay, f"/ws/bob?room={room}&{query}")
        with bob:
            frames, close = await bob.read_until_close()
            assert (frames, close and close.close_code) == ([], 1008)
            assert close is not None
            assert close.close_text == f"bad option: {problem}"
        async with relay.connect("carol", room=room):
            assert await alice.note("join", "leave") == {"type": "join", "user": "carol"}


async def _raw(relay: Relay, path: str, extra: bytes = b"") -> RawClient:
    """Connect and offer relay.v1, and read nothing but the answer."""
    client = await RawClient.open(relay.port)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    ).encode()
    await client.send(head + _PROTOCOL + b"\r\n" + extra)
    assert (await client.answer()).startswith(b"HTTP/1.1 101")
    return client


async def test_skip_beyond_what_follows_the_cursor_closes_with_1008(
    relay: Relay, room: str
) -> None:
    """It counts data frames that were received behind the cursor."""
    async with relay.connect("bob", room=room) as bob:
        alice = await Annotated.connect(relay, "alice", room=room)
        alice.cut()
        await bob.send("only one")
        place = alice.place
        query = f"session={place.session}&attempt=9&cursor={place.cursor}&skip=2"
        with await _raw(relay, f"/ws/alice?room={room}&{query}") as again:
            _, close = await again.read_until_close()
            assert close is not None
            text = "skip=2: the cursor is followed by 1 messages"
            assert (close.close_code, close.close_text) == (1008, text)


async def test_session_options_need_the_subprotocol(relay: Relay, room: str) -> None:
    """400 for a raw client; a plain GET of the same URL says what an upgrade would."""
    with pytest.raises(InvalidStatus) as refused:
        async with relay.connect("alice", room=room, session="12345678"):
            pass
    assert refused.value.response.status_code == 400
    status, _ = await relay.get(f"/ws/alice?room={room}&session=12345678")
    assert status == 426


async def test_message_before_welcome_closes_with_1008(relay: Relay, room: str) -> None:
    """It could not be numbered."""
    async with relay.connect("bob", room=room) as bob:
        with await _raw(relay, f"/ws/alice?room={room}", encode(1, b"early")) as alice:
            _, close = await alice.read_until_close()
            assert close is not None
            assert (close.close_code, close.close_text) == (1008, "message before welcome")
        async with relay.connect("carol", room=room) as carol:
            await carol.send("next")
        assert await bob.recv() == "next"


BAD_NOTES = [
    (b"\0", "expected U+0000 and a JSON object; announce such a message by a data note"),
    (b"\0[]", "expected U+0000 and a JSON object; announce such a message by a data note"),
    (b"\0{", "expected U+0000 and a JSON object; announce such a message by a data note"),
    (b'\0{"type":"welcome"}', "unknown type; known are ping, data and token"),
    (b'\0{"type":"token"}', "token is no text"),
    (b'\0{"type":"ping","x":"' + b"x" * 20_000 + b'"}', "20023 bytes exceed limit of 16384"),
]


@pytest.mark.parametrize(
    ("note", "problem"), BAD_NOTES, ids=[str(note[:20]) for note, _ in BAD_NOTES]
)
async def test_bad_notes_close_with_1008(
    relay: Relay, room: str, note: bytes, problem: str
) -> None:
    """Nothing of it reaches others; what came before does."""
    async with relay.connect("bob", room=room) as bob:
        with await _raw(relay, f"/ws/alice?room={room}") as alice:
            await alice.read()
            await alice.send(encode(1, b"before") + encode(1, note) + encode(1, b"behind"))
            _, close = await alice.read_until_close()
            assert close is not None
            assert (close.close_code, close.close_text) == (1008, f"bad note: {problem}")
        assert await bob.recv() == "before"
        async with relay.connect("carol", room=room) as carol:
            await carol.send("next")
        assert await bob.recv() == "next"


async def test_too_many_notes_close_with_1008(relay: Relay, room: str) -> None:
    """`data` is not counted: it comes with a message."""
    with await _raw(relay, f"/ws/alice?room={room}") as alice:
        await alice.read()
        await alice.send((encode(1, b'\0{"type":"data"}') + encode(1, b"\0x")) * 200)
        await alice.send(encode(1, b'\0{"type":"ping"}') * 200)
        _, close = await alice.read_until_close()
        assert close is not None
        text = "bad note: more than 64 in a second"
        assert (close.close_code, close.close_text) == (1008, text)
