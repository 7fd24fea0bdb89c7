"""What a token allows on a live connection, and how it is taken back."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from relay.access import tokens
from relay.names import UserName
from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.sockets.tokens import SECRET, closed, token


def header(user: str, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user, **claims)}"}


async def test_member_that_may_not_publish_is_closed_when_it_does(
    guarded: Relay, room: str
) -> None:
    """1008, and nobody hears it; until then it listens like any other."""
    mute = token("mute", can_publish=False)
    async with (
        guarded.connect("mute", room=room, token=mute) as listener,
        guarded.connect("alice", room=room, token=token("alice")) as alice,
    ):
        await alice.send("hello")
        assert await listener.recv() == "hello"
        pong = await listener.ping()
        await pong
        await listener.send("me too")
        assert await closed(listener) == (1008, "token does not allow to publish")
        async with guarded.connect("bob", room=room, token=token("bob")) as bob:
            await bob.send("next")
            assert await alice.recv() == "next"


async def test_publishing_by_post_needs_the_claim_too(guarded: Relay, room: str) -> None:
    """403 with the reason."""
    answer = await guarded.request(
        "POST", f"/rooms/{room}/messages", data=b"x", headers=header("mute", can_publish=False)
    )
    assert answer == (403, {"error": "token does not allow to publish"})


async def test_member_that_may_not_subscribe_hears_nothing(guarded: Relay, room: str) -> None:
    """Neither what is said, nor its own echo, nor history; what it says is heard."""
    async with guarded.connect("alice", room=room, token=token("alice")) as alice:
        await alice.send("before")
        deaf = token("sensor", can_subscribe=False)
        async with guarded.connect("sensor", room=room, token=deaf, history=10, echo=1) as sensor:
            await alice.send("to nobody")
            await sensor.send("21 °C")
            assert await alice.recv() == "21 °C"
            await (await sensor.ping())  # what was for it would have come before this pong
            await sensor.close()
            with pytest.raises(ConnectionClosed):
                await sensor.recv()


async def test_room_of_a_token_may_be_a_prefix(guarded: Relay) -> None:
    """`team-*` admits to all rooms that begin so, and shows who is there."""
    team = tokens.mint(UserName("alice"), ["team-*"], 3600, SECRET)
    async with guarded.connect("alice", room="team-a", token=team):
        headers = {"Authorization": f"Bearer {team}"}
        status, body = await guarded.get("/rooms", headers=headers)
        assert status == 200
        assert [(line["room"], line["count"]) for line in body["rooms"]] == [("team-a", 1)]
        assert (await guarded.get("/rooms/other", headers=headers))[1]["users"] == []
    status, _ = await guarded.get("/ws/alice?room=den&token=" + team)
    assert status == 403


async def test_revoking_a_user_closes_it_everywhere(start_relay: StartRelay) -> None:
    """4403 at once; its tokens from before count no longer, one made later does."""
    relay = await start_relay(JWT_SECRET=SECRET)
    old = token("mallory", iat=time.time() - 10)
    async with (
        relay.connect("mallory", room="a", token=old) as first,
        relay.connect("mallory", room="b", token=old) as second,
        relay.connect("alice", room="a", token=token("alice", iat=time.time() - 10)) as alice,
    ):
        answer = await relay.request(
            "POST", "/revoke", json={"user": "mallory"}, headers=header("root", admin=True)
        )
        assert answer[0] == 200
        assert answer[1]["closed"] == 2
        assert await closed(first) == await closed(second) == (4403, "token has been revoked")
        await (await alice.ping())
        assert await relay.get("/ws/mallory?token=" + old) == (
            401,
            {"error": "token has been revoked"},
        )
        fresh = token("mallory", iat=time.time() + 1)
        async with relay.connect("mallory", room="a", token=fresh):
            pass
    assert "WARNING 'root' revoked 'mallory': 2 connections closed" in await relay.logged("revoked")


async def test_revoking_one_token_leaves_the_others(start_relay: StartRelay) -> None:
    """By its `jti`, until it expires."""
    relay = await start_relay(JWT_SECRET=SECRET)
    one, two = token("alice", jti="one"), token("alice", jti="two")
    async with (
        relay.connect("alice", room="a", token=one) as first,
        relay.connect("alice", room="b", token=two) as second,
    ):
        status, body = await relay.request(
            "POST", "/revoke", json={"jti": "one"}, headers=header("root", admin=True)
        )
        assert (status, body["closed"]) == (200, 1)
        assert abs(body["until"] - time.time() - 3600) < 300  # it knows when that token ends
        assert (await closed(first))[0] == 4403
        await (await second.ping())
        headers = {"Authorization": f"Bearer {one}"}
        answer = await relay.request("POST", "/rooms/a/messages", data=b"x", headers=headers)
        assert answer == (401, {"error": "token has been revoked"})


async def test_everything_issued_before_a_time_can_be_revoked(start_relay: StartRelay) -> None:
    """The administrator's own token too, if it is as old."""
    relay = await start_relay(JWT_SECRET=SECRET)
    now = time.time()
    async with relay.connect("alice", token=token("alice", iat=now - 100)) as alice:
        root = header("root", admin=True, iat=now)
        body = {"before": now - 50, "until": now + 3600}
        assert (await relay.request("POST", "/revoke", json=body, headers=root))[0] == 200
        assert (await closed(alice))[0] == 4403
        assert (await relay.request("POST", "/revoke", json=body, headers=root))[0] == 200


BAD_REVOCATIONS = {
    "nothing": ({}, "expected jti, or user, or before, or user and before"),
    "both": ({"jti": "x", "user": "y"}, "jti names one token: expected neither user nor before"),
    "a word": ({"before": "now"}, "before: expected seconds since 1970"),
    "a bad name": ({"user": "a/b"}, "user name contains '/'"),
    "no name": ({"user": 7}, "user: expected a name"),
    "no id": ({"jti": ""}, "jti: expected a string of 1 to 256 characters"),
    "unknown": ({"usr": "x"}, "unknown field 'usr'; known are jti, user, before, until"),
    "a list": ([], "body is not a JSON object"),
}


@pytest.mark.parametrize("case", BAD_REVOCATIONS)
async def test_bad_revocation_is_a_sentence(guarded: Relay, case: str) -> None:
    """400, and nothing is revoked."""
    body, error = BAD_REVOCATIONS[case]
    status, answer = await guarded.request(
        "POST", "/revoke", json=body, headers=header("root", admin=True)
    )
    assert status == 400
    assert answer["error"].startswith(error)


async def test_only_an_administrator_revokes_and_disconnects(
    guarded: Relay, relay: Relay, room: str
) -> None:
    """And where tokens are off nobody is one."""
    for path in ("/revoke", f"/rooms/{room}/disconnect"):
        assert (await guarded.request("POST", path))[0] == 401
        answer = await guarded.request("POST", path, headers=header("alice"))
        assert answer == (403, {"error": "token does not have the claim admin"})
        status, answer = await relay.request("POST", path, headers=header("root", admin=True))
        assert status == 403
        assert answer["error"].startswith("this needs a token with the claim admin")


async def test_disconnecting_closes_a_user_or_a_room(guarded: Relay, room: str) -> None:
    """4403; the token goes on to count."""
    root = header("root", admin=True)
    async with (
        guarded.connect("alice", room=room, token=token("alice")) as alice,
        guarded.connect("bob", room=room, token=token("bob")) as bob,
        guarded.connect("bob", room=room + "-2", token=token("bob")) as elsewhere,
    ):
        path = f"/rooms/{room}/disconnect"
        answer = await guarded.request("POST", path, json={"user": "bob"}, headers=root)
        assert answer == (200, {"room": room, "closed": 1})
        assert await closed(bob) == (4403, "disconnected by an administrator")
        async with guarded.connect("bob", room=room, token=token("bob")) as again:
            answer = await guarded.request("POST", path, headers=root)
            assert answer == (200, {"room": room, "closed": 2})
            assert (await closed(alice))[0] == (await closed(again))[0] == 4403
        await (await elsewhere.ping())


async def test_revoked_while_the_body_comes_publishes_nothing(start_relay: StartRelay) -> None:
    """What was checked at the head is checked again before it counts."""
    relay = await start_relay(JWT_SECRET=SECRET)
    old = token("server", iat=time.time() - 10)
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(
        b"POST /rooms/a/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        b"Content-Length: 2\r\nAuthorization: Bearer " + old.encode() + b"\r\n\r\n"
    )
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
    root = header("root", admin=True)
    assert (await relay.request("POST", "/revoke", json={"user": "server"}, headers=root))[0] == 200
    writer.write(b"hi")
    assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_grants_and_revocations_go_on_in_a_successor(
    start_relay: StartRelay, tmp_path: Path
) -> None:
    """Who may only listen goes on so, and who was revoked stays out."""
    env = {"JWT_SECRET": SECRET, "HANDOVER_SOCKET": str(tmp_path / "handover.sock")}
    first = await start_relay(**env)
    gone, mute = token("mallory", jti="gone"), token("mute", can_publish=False)
    body = {"jti": "gone", "until": time.time() + 3600}
    root = header("root", admin=True)
    assert (await first.request("POST", "/revoke", json=body, headers=root))[0] == 200
    async with (
        first.connect("mute", token=mute) as listener,
        first.connect("alice", token=token("alice")) as alice,
    ):
        second = await start_relay(**env)
        assert "took over 2 connections" in await second.logged("took over")
        await alice.send("still here")
        assert await listener.recv() == "still here"
        answer = await second.get("/ws/mallory?token=" + gone)
        assert answer == (401, {"error": "token has been revoked"})
        await listener.send("me too")
        assert (await closed(listener))[0] == 1008


async def test_members_whose_key_is_gone_do_not_stay_in_a_successor(
    start_relay: StartRelay, tmp_path: Path
) -> None:
    """4403: a key is changed to keep its tokens out."""
    handover = str(tmp_path / "handover.sock")
    first = await start_relay(JWT_SECRET=SECRET, HANDOVER_SOCKET=handover)
    async with first.connect("alice", token=token("alice")) as alice:
        second = await start_relay(JWT_SECRET=SECRET[::-1], HANDOVER_SOCKET=handover)
        assert (await closed(alice))[0] == 4403
        await second.logged("alice left lobby: 4403")
