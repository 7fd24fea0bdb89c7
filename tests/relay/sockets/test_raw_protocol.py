"""The raw protocol over real sockets, with the `websockets` library as client."""

import asyncio
import json
import os
import socket

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode

MEGABYTE = 1_000_000


async def test_text_stays_text_and_binary_stays_binary(relay: Relay, room: str) -> None:
    """Everybody else gets what one sends, as it was sent."""
    async with (
        relay.connect("alice", room=room) as alice,
        relay.connect("bob", room=room) as bob,
        relay.connect("carol", room=room) as carol,
    ):
        for message in (
            "grüße",
            b"\x00\xff",
            "",
            b"",
            "x" * 125,
            "x" * 126,
            b"y" * 65535,
            b"y" * 65536,
        ):
            await alice.send(message)
            assert await bob.recv() == message
            assert await carol.recv() == message


async def test_nobody_hears_itself_unless_it_asks_for_echo(relay: Relay, room: str) -> None:
    """`echo=1` brings back what one sends, in the room's order."""
    async with (
        relay.connect("alice", room=room) as alice,
        relay.connect("bob", room=room, echo=1) as bob,
    ):
        await bob.send("from bob")
        assert await bob.recv() == "from bob"
        assert await alice.recv() == "from bob"
        await alice.send("from alice")
        await bob.send("again")
        assert await bob.recv() == "from alice"
        assert await alice.recv() == "again"


async def test_rooms_do_not_hear_each_other(relay: Relay, room: str) -> None:
    """A message stays in its room; without an option that is the lobby."""
    async with (
        relay.connect("alice") as lobby,
        relay.connect("bob") as other,
        relay.connect("alice", room=room) as elsewhere,
    ):
        await elsewhere.send("in here")
        await lobby.send("out there")
        assert await other.recv() == "out there"


async def test_every_member_sees_one_order(relay: Relay, room: str) -> None:
    """Members with echo see all messages of all senders in the same sequence."""
    async with asyncio.timeout(30):
        members = [await relay.connect(f"member-{index}", room=room, echo=1) for index in range(8)]

        async def speak(index: int) -> None:
            for number in range(200):
                await members[index].send(f"{index}:{number}")

        async def listen(member: ClientConnection) -> list[str | bytes]:
            return [await member.recv() for _ in range(8 * 200)]

        heard = asyncio.gather(*map(listen, members))
        await asyncio.gather(*map(speak, range(8)))
        first, *others = await heard
        assert all(other == first for other in others)
        for index in range(8):
            own = [m for m in first if str(m).startswith(f"{index}:")]
            assert own == [f"{index}:{number}" for number in range(200)]
        for member in members:
            await member.close()


async def test_fragments_are_relayed_as_one_message(relay: Relay, room: str) -> None:
    """Reassembly happens here, with control frames between the fragments."""
    async with relay.connect("bob", room=room) as bob:
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
            await alice.send(encode(1, b"one ", fin=False) + encode(9, b"?"))
            await alice.send(encode(0, b"two ", fin=False) + encode(0, b"three"))
            assert await bob.recv() == "one two three"
            pong = await alice.read()
            assert pong is not None
            assert (pong.opcode, pong.payload) == (10, b"?")


async def test_client_may_send_right_behind_its_handshake(relay: Relay, room: str) -> None:
    """Frames that arrive together with the handshake are not lost."""
    async with relay.connect("bob", room=room) as bob:
        early = encode(1, b"early") + encode(1, b"bird")
        path = f"/ws/alice?room={room}"
        with await RawClient.connect(relay.port, path, extra=early) as alice:
            assert await bob.recv() == "early"
            assert await bob.recv() == "bird"
            await alice.text(b"later")
            assert await bob.recv() == "later"


async def test_message_of_exactly_the_limit_passes(relay: Relay, room: str) -> None:
    """`MAX_MESSAGE_SIZE` itself is allowed, whole or in fragments."""
    message = os.urandom(10 * MEGABYTE)
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        await alice.send(message)
        assert await bob.recv() == message
        await alice.send([message[: 3 * MEGABYTE], message[3 * MEGABYTE :]])
        assert await bob.recv() == message


@pytest.mark.parametrize("fragments", [1, 2])
async def test_one_byte_more_closes_with_1009(relay: Relay, room: str, fragments: int) -> None:
    """The text names size and limit; nothing of the message is relayed."""
    message = bytes(10 * MEGABYTE + 1)
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        half = len(message) // fragments
        with pytest.raises(ConnectionClosed) as closed:
            await alice.send([message[:half], message[half:]] if fragments == 2 else message)
            await alice.recv()
        received = closed.value.rcvd
        assert received is not None
        assert received.code == 1009
        assert received.reason == "message of 10000001 bytes exceeds limit of 10000000"
        await relay.count(room, 1)
        async with relay.connect("carol", room=room) as carol:
            await carol.send("still here")
            assert await bob.recv() == "still here"


async def test_compression_is_not_negotiated(relay: Relay, room: str) -> None:
    """Encoding once for all members excludes a compression state per member."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.send(b"\xc1\x80\x01\x02\x03\x04")  # a frame that claims to be compressed
        _, close = await alice.read_until_close()
        assert close is not None
        assert close.close_code == 1002
        assert close.close_text == "frame has reserved bits set, and no extension was agreed on"


@pytest.mark.parametrize(
    ("payload", "code", "text"),
    [
        (b"caf\xe9", 1007, "text message is not UTF-8"),
        (b"\xed\xa0\x80", 1007, "text message is not UTF-8"),  # a surrogate
    ],
)
async def test_bad_text_is_not_relayed(
    relay: Relay, room: str, payload: bytes, code: int, text: str
) -> None:
    """It would disconnect every browser in the room: its sender is closed, nobody else."""
    async with relay.connect("bob", room=room) as bob:
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
            await alice.send(encode(1, b"before") + encode(1, payload) + encode(1, b"behind"))
            _, close = await alice.read_until_close()
            assert close is not None
            assert (close.close_code, close.close_text) == (code, text)
            await alice.send(encode(8, payload=code.to_bytes(2, "big")))
            assert await alice.at_end()
        assert await bob.recv() == "before"
        async with relay.connect("carol", room=room) as carol:
            await carol.send("next")
        assert await bob.recv() == "next"


async def test_text_with_zero_inside_and_utf8_split_by_fragments_pass(
    relay: Relay, room: str
) -> None:
    """The relay carries any text, and UTF-8 is checked on whole messages."""
    async with relay.connect("bob", room=room) as bob:
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
            await alice.text(b"a\0b")
            await alice.text(b"\0{}")
            await alice.send(encode(1, b"\xc3", fin=False) + encode(0, b"\xa9"))
            assert await bob.recv() == "a\0b"
            assert await bob.recv() == "\0{}"
            assert await bob.recv() == "é"


async def test_history_comes_first_and_whole(relay: Relay, room: str) -> None:
    """`history=N` brings the last N messages, whoever sent them, then what is live."""
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        for number in range(10):
            await alice.send(f"{number}")
            await bob.recv()
        await alice.send([b"x" * 70_000, b"y" * 70_000])
        await bob.recv()
        async with relay.connect("carol", room=room, history=4) as carol:
            await alice.send("live")
            heard = [await carol.recv() for _ in range(5)]
            assert heard == ["7", "8", "9", b"x" * 70_000 + b"y" * 70_000, "live"]
        async with relay.connect("dave", room=room, history=1000) as dave:
            assert [await dave.recv() for _ in range(3)] == ["0", "1", "2"]
        async with relay.connect("erin", room=room) as erin:
            await alice.send("only live")
            assert await erin.recv() == "only live"


async def test_history_outlives_its_room_and_then_expires(
    start_relay: StartRelay, room: str
) -> None:
    """An empty room is remembered for `HISTORY_AGE`, then forgotten."""
    relay = await start_relay(HISTORY_AGE="1s")
    async with relay.connect("alice", room=room) as alice:
        await alice.send("hello?")
    async with relay.connect("bob", room=room, history=5) as bob:
        assert await bob.recv() == "hello?"
    while (await relay.get("/rooms"))[1]["count"]:
        await asyncio.sleep(0.05)
    async with (
        relay.connect("carol", room=room, history=5) as carol,
        relay.connect("dave", room=room) as dave,
    ):
        await dave.send("fresh")
        assert await carol.recv() == "fresh"


async def test_client_that_closes_gets_its_answer(relay: Relay, room: str) -> None:
    """Its own code comes back, the room hears no more of it, and the connection ends."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.send(encode(8, b"\x0f\xa1bye"))
        _, close = await alice.read_until_close()
        assert close is not None
        assert close.close_code == 4001
        assert await alice.at_end()
    await relay.count(room, 0)
    assert "alice left" in await relay.logged(f"alice left {room}: 1000 goodbye")


async def test_messages_before_a_close_in_one_write_are_relayed(relay: Relay, room: str) -> None:
    """And those behind the close frame are not."""
    async with relay.connect("bob", room=room) as bob:
        with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
            await alice.send(encode(1, b"last words") + encode(8, b"") + encode(1, b"ghost"))
            assert await bob.recv() == "last words"
            await alice.read_until_close()
        async with relay.connect("carol", room=room) as carol:
            await carol.send("next")
        assert await bob.recv() == "next"


BAD_REQUESTS = [
    ("/ws/" + "a" * 65, "user name of 65 characters exceeds limit of 64"),
    ("/ws/" + "%F0%9F%98%80" * 33, "user name of 132 bytes exceeds limit of 128"),
    ("/ws/a%2Fb", "user name contains '/'; / \\ ? # are not allowed"),
    ("/ws/a%3Fb", "user name contains '?'; / \\ ? # are not allowed"),
    ("/ws/a%00b", "user name contains the invisible character U+0000"),
    ("/ws/a%E2%80%8Bb", "user name contains the invisible character U+200B"),
    ("/ws/%20a", "user name begins or ends with a space"),
    ("/ws/...", "user name consists of dots only"),
    ("/ws/a?room=", "room name is empty"),
    ("/ws/a?room=%0A", "room name contains the invisible character U+000A"),
    (
        "/ws/a?rom=x",
        "unknown option 'rom'; known are room, echo, history, lag, token, session, attempt, "
        "cursor, skip, acked",
    ),
    ("/ws/a?room=x&room=y", "option 'room' is given more than once"),
    ("/ws/a?echo=yes", "echo='yes': expected 0 or 1"),
    ("/ws/a?lag=wait", "lag='wait': expected skip or close"),
    ("/ws/a?history=-1", "history='-1': expected a number of messages up to 1000000"),
    ("/ws/a?history=1000001", "history='1000001': expected a number of messages up to 1000000"),
    ("/ws/a?echo=%0AFORGED", "echo='\\nFORGED': expected 0 or 1"),
    ("/ws/a?history=1e3", "history='1e3': expected a number of messages up to 1000000"),
]


@pytest.mark.parametrize(("path", "error"), BAD_REQUESTS, ids=[p for p, _ in BAD_REQUESTS])
async def test_bad_names_and_options_are_refused(relay: Relay, path: str, error: str) -> None:
    """400 before the upgrade, with a sentence; a plain GET gets the same."""
    with pytest.raises(InvalidStatus) as refused:
        await _connect(relay, path)
    assert refused.value.response.status_code == 400
    body = refused.value.response.body
    assert body is not None
    assert json.loads(body) == {"error": error}
    async with asyncio.timeout(5):
        with await _plain(relay, path) as client:
            assert (await client.answer()).startswith(b"HTTP/1.1 400")


async def _connect(relay: Relay, path: str) -> None:
    async with connect(f"ws://127.0.0.1:{relay.port}{path}", proxy=None):
        raise AssertionError("was let in")


async def _plain(relay: Relay, path: str) -> RawClient:
    sock = socket.create_connection(("127.0.0.1", relay.port))
    sock.setblocking(False)
    client = RawClient(sock)
    await client.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


async def test_plain_get_says_that_an_upgrade_would_succeed(relay: Relay, room: str) -> None:
    """426 names the protocol to upgrade to."""
    status, body = await relay.get(f"/ws/alice?room={room}")
    assert status == 426
    assert body == {
        "error": "this is a WebSocket endpoint, and an upgrade would succeed; if yours did not, a "
        "proxy in between may have removed the header Upgrade"
    }


async def test_names_of_any_script_are_one_name_in_nfc(relay: Relay, room: str) -> None:
    """A composed and a decomposed é are the same user."""
    async with relay.connect("Ame\u0301lie 😀", room=room):
        _, body = await relay.get(f"/rooms/{room}")
        assert (body["room"], body["users"], body["count"]) == (room, ["Am\u00e9lie 😀"], 1)
