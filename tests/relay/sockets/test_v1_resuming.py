"""`relay.v1` over real sockets: going on after a cut."""

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode
from tests.relay.annotated import Annotated, Place


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
    async with relay.connect("bob", room=room, echo=1) as bob:
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
        for _ in range(5):
            await bob.recv()  # whatever comes next finds all of them in the log
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


async def test_plain_get_says_what_the_same_session_would_get(relay: Relay, room: str) -> None:
    """A page cannot offer a subprotocol there: the option tells that it would."""
    async with await Annotated.connect(relay, "alice", room=room) as alice:
        path = f"/ws/alice?room={room}&attempt=2&session="
        assert (await relay.get(path + alice.place.session))[0] == 426
        assert (await relay.get(path + "another-session"))[0] == 409
