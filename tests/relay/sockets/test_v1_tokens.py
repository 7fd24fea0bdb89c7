"""What a token allows a client of `relay.v1`, and a fresh one in band."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from relay.access import tokens
from relay.names import UserName
from tests.process import Relay
from tests.relay.annotated import Annotated, Message

SECRET = "a secret of at least thirty-two bytes"


def token(user: str, lifetime: float = 3600, **claims: object) -> str:
    return tokens.mint(UserName(user), ["*"], lifetime, SECRET, **claims)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded() -> AsyncIterator[Relay]:
    relay = await Relay.start(JWT_SECRET=SECRET)
    yield relay
    for line in relay.log:
        assert "eyJ" not in line, "a token was logged"
    await relay.kill()


async def _closed(client: Annotated) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as error:
        while True:
            await client.read()
    assert error.value.rcvd is not None
    return error.value.rcvd.code, error.value.rcvd.reason


async def test_fresh_token_keeps_a_session_beyond_the_old_one(guarded: Relay, room: str) -> None:
    """Another one with the same first token is closed with 4401 meanwhile."""
    async with (
        await Annotated.connect(guarded, "alice", room=room, token=token("alice", 2)) as alice,
        await Annotated.connect(guarded, "bob", room=room, token=token("bob", 2)) as bob,
    ):
        await alice.say("token", token=token("alice"))
        assert await _closed(bob) == (4401, "token expired")
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
        assert await _closed(alice) == (1008, f"bad token: {problem}")


async def test_fresh_token_may_take_the_right_to_publish(guarded: Relay, room: str) -> None:
    """From then on a message closes with 1008, a note does not."""
    async with await Annotated.connect(guarded, "alice", room=room, token=token("alice")) as alice:
        await alice.say("token", token=token("alice", can_publish=False))
        await alice.say("ping")
        await alice.note("pong")
        await alice.socket.send("not allowed")
        assert await _closed(alice) == (1008, "token does not allow to publish")


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
        assert await _closed(mute) == (1008, "token does not allow to publish")
