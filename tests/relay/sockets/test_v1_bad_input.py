"""What a client of `relay.v1` may not send: its connection is closed, and nobody hears of it."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.process import Relay
from tests.raw import encode
from tests.relay.annotated import Annotated, open_raw

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
        bob = await open_raw(relay.port, f"/ws/bob?room={room}&{query}")
        with bob:
            frames, close = await bob.read_until_close()
            assert (frames, close and close.close_code) == ([], 1008)
            assert close is not None
            assert close.close_text == f"bad option: {problem}"
        async with relay.connect("carol", room=room):
            assert await alice.note("join", "leave") == {"type": "join", "user": "carol"}


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
        with await open_raw(relay.port, f"/ws/alice?room={room}&{query}") as again:
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
        with await open_raw(relay.port, f"/ws/alice?room={room}", encode(1, b"early")) as alice:
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
    (b'\0{"type":"token"}', "token is not a string"),
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
        with await open_raw(relay.port, f"/ws/alice?room={room}") as alice:
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
    with await open_raw(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.read()
        await alice.send((encode(1, b'\0{"type":"data"}') + encode(1, b"\0x")) * 200)
        await alice.send(encode(1, b'\0{"type":"ping"}') * 200)
        _, close = await alice.read_until_close()
        assert close is not None
        text = "bad note: more than 64 in a second"
        assert (close.close_code, close.close_text) == (1008, text)
