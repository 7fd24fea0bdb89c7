"""What a token allows a client of `relay.v1`, and a fresh one in band."""

import json

import pytest

from tests.process import Relay
from tests.relay.annotated import Annotated, Message
from tests.relay.sockets.tokens import closed, token


async def test_fresh_token_keeps_a_session_beyond_the_old_one(guarded: Relay, room: str) -> None:
    """Another one with the same first token is closed with 4401 meanwhile."""
    async with (
        await Annotated.connect(
            guarded, "alice", room=room, token=token("alice", lifetime=2)
        ) as alice,
        await Annotated.connect(guarded, "bob", room=room, token=token("bob", lifetime=2)) as bob,
    ):
        await alice.say("token", token=token("alice"))
        assert await closed(bob.socket) == (4401, "token expired")
        await alice.say("ping")
        await alice.note("pong", "join")
        await alice.socket.send("still here")
        while alice.place.acked < 1:
            await alice.read()


@pytest.mark.parametrize(
    ("fresh", "problem"),
    [
        ("nonsense", "token is no JSON Web Token"),
        (token("bob"), "token is for user 'bob', not 'alice'"),
        (
            token("alice", can_subscribe=False),
            "its claim can_subscribe is not that of the old one; connect again",
        ),
    ],
)
async def test_fresh_token_that_does_not_count_closes_with_1008(
    guarded: Relay, room: str, fresh: str, problem: str
) -> None:
    """With the reason."""
    async with await Annotated.connect(guarded, "alice", room=room, token=token("alice")) as alice:
        await alice.say("token", token=fresh)
        assert await closed(alice.socket) == (1008, f"bad token: {problem}")


async def test_fresh_token_may_take_the_right_to_publish(guarded: Relay, room: str) -> None:
    """From then on a message closes with 1008, a note does not."""
    async with await Annotated.connect(guarded, "alice", room=room, token=token("alice")) as alice:
        await alice.say("token", token=token("alice", can_publish=False))
        await alice.say("ping")
        await alice.note("pong")
        await alice.socket.send("not allowed")
        assert await closed(alice.socket) == (1008, "token does not allow to publish")


async def test_who_may_only_publish_is_told_of_its_own_messages_only(
    guarded: Relay, room: str
) -> None:
    """Nothing of others, neither what they say nor who they are."""
    sensor_token = token("sensor", can_subscribe=False)
    async with (
        await Annotated.connect(guarded, "alice", room=room, token=token("alice")) as alice,
        await Annotated.connect(guarded, "sensor", room=room, token=sensor_token) as sensor,
    ):
        assert sensor.welcome["members"] is None
        await alice.socket.send("hello")
        await sensor.socket.send("21")
        assert await alice.message() == Message("sensor", "21")
        assert await sensor.read() == {"type": "ack", "received": 1}
        note = await sensor.read()
        assert isinstance(note, dict) and note["type"] == "cursor"
        sensor.cut()
        again = await Annotated.connect(
            guarded, "sensor", sensor.place, room=room, token=sensor_token
        )
        async with again:
            assert (again.welcome["received"], again.welcome["gap"]) == (1, False)


async def test_message_of_who_may_not_publish_closes_with_1008(guarded: Relay, room: str) -> None:
    """Nobody hears it; it was welcome to listen."""
    mute_token = token("mute", can_publish=False)
    async with (
        await Annotated.connect(guarded, "mute", room=room, token=mute_token) as mute,
        await Annotated.connect(guarded, "alice", room=room, token=token("alice")) as alice,
    ):
        await alice.socket.send("hello")
        assert await mute.message() == Message("alice", "hello")
        await mute.socket.send("\0" + json.dumps({"type": "data"}))
        await mute.socket.send("me too")
        assert await closed(mute.socket) == (1008, "token does not allow to publish")
