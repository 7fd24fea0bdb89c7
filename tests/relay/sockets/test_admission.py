"""What a relay needs before it stands on the open internet: tokens, origins, limits."""

import asyncio
import json
import os
import subprocess
import sys
import time

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.conftest import StartRelay
from tests.process import ROOT, Relay
from tests.relay.sockets import tokens
from tests.relay.sockets.tokens import SECRET


def token(user: str = "alice", *rooms: str, lifetime: float = 3600, **claims: object) -> str:
    """Return a token for these rooms, or for the lobby."""
    return tokens.token(user, *(rooms or ("lobby",)), lifetime=lifetime, **claims)


async def _refusal(relay: Relay, user: str, **options: object) -> tuple[int, str]:
    headers = options.pop("headers", None)
    assert headers is None or isinstance(headers, dict)
    with pytest.raises(InvalidStatus) as refused:
        async with relay.connect(user, headers=headers, **options):
            pass
    body = refused.value.response.body
    assert body is not None
    return refused.value.response.status_code, json.loads(body)["error"]


async def test_token_may_come_in_three_ways(guarded: Relay) -> None:
    """Header, subprotocol (which browsers can send, and is answered), query."""
    async with (
        guarded.connect("alice", headers={"Authorization": f"Bearer {token('alice')}"}) as alice,
        guarded.connect("bob", token=token("bob")) as bob,
    ):
        subprotocol = Subprotocol(f"bearer.{token('carol')}")
        async with connect(guarded.url("carol"), subprotocols=[subprotocol], proxy=None) as carol:
            assert carol.subprotocol == subprotocol
            await carol.send("all in")
            assert await alice.recv() == await bob.recv() == "all in"


BAD_TOKENS = {
    "none": (None, 401, "token required"),
    "nonsense": ("nonsense", 401, "token is no JSON Web Token"),
    "expired": (
        jwt.encode({"sub": "alice", "room": "lobby", "exp": 1}, SECRET, "HS256"),
        401,
        "token has expired",
    ),
    "no exp": (
        jwt.encode({"sub": "alice", "room": "lobby"}, SECRET, "HS256"),
        401,
        "token lacks the claim 'exp'",
    ),
    "no room": (
        jwt.encode({"sub": "alice", "exp": 1 << 40}, SECRET, "HS256"),
        401,
        "token lacks the claim 'room'",
    ),
    "other secret": (
        jwt.encode({"sub": "alice", "room": "lobby", "exp": 1 << 40}, SECRET[::-1], "HS256"),
        401,
        "token has a wrong signature",
    ),
    "no algorithm": (
        jwt.encode({"sub": "alice", "room": "lobby", "exp": 1 << 40}, "", "none"),
        401,
        "token is not signed",
    ),
    "other algorithm": (
        jwt.encode({"sub": "alice", "room": "lobby", "exp": 1 << 40}, SECRET * 2, "HS512"),
        401,
        "token is signed with 'HS512', the relay's keys are for HS256",
    ),
    "other user": (token("bob"), 403, "token is for user 'bob', not 'alice'"),
    "other room": (token("alice", "den"), 403, "token does not admit to room 'lobby'"),
    "strange claims": (
        jwt.encode({"sub": "alice", "room": {"a": 1}, "exp": 1 << 40}, SECRET, "HS256"),
        401,
        "token's claim room is not a name but an object",
    ),
    "a number for a name": (
        jwt.encode({"sub": 42, "room": "lobby", "exp": 1 << 40}, SECRET, "HS256"),
        401,
        "token's claim sub is not a name but a number",
    ),
    "not yet": (token(nbf=time.time() + 3600), 401, "token is not valid yet: its claim nbf lies"),
    "revoked id that is none": (token(jti=7), 401, "token's claim jti is not a string of 1 to 256"),
    "a word for a flag": (
        token(can_publish="no"),
        401,
        "token's claim can_publish is neither true nor false but a text",
    ),
}


@pytest.mark.parametrize("case", BAD_TOKENS)
async def test_bad_token_is_refused_with_a_reason(guarded: Relay, case: str) -> None:
    """401 for a token that does not count, 403 for one that does not allow this."""
    bad, status, error = BAD_TOKENS[case]
    options = {"token": bad} if bad else {}
    answer = await _refusal(guarded, "alice", **options)
    assert (answer[0], answer[1][: len(error)]) == (status, error)


async def test_token_with_a_list_admits_to_these_rooms_only(guarded: Relay) -> None:
    """`room` is a name or a list of names."""
    both = token("dave", "den", "attic")
    async with guarded.connect("dave", room="attic", token=both):
        pass
    assert (await _refusal(guarded, "dave", room="cellar", token=both))[0] == 403


async def test_token_for_the_name_takes_over_at_once(guarded: Relay) -> None:
    """Whoever proves the name does not wait for its own ghost, nor for a live one."""
    async with (
        guarded.connect("erin", token=token("erin")) as old,
        guarded.connect("erin", token=token("erin")),
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await old.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4000


async def test_names_are_shown_only_with_a_token(start_relay: StartRelay) -> None:
    """Counts are for everybody, names of the rooms that the token admits to for its holder."""
    guarded = await start_relay(JWT_SECRET=SECRET)
    async with guarded.connect("frank", room="den", token=token("frank", "den")):
        status, health = await guarded.get("/health")
        assert (status, health["users"], health["count"]) == (200, [], 1)
        assert (await guarded.get("/rooms/den"))[1] == {"room": "den", "users": [], "count": 1}
        assert (await guarded.get("/rooms"))[1] == {"rooms": [], "count": 1}
        headers = {"Authorization": f"Bearer {token('x', 'den')}"}
        assert (await guarded.get("/health", headers=headers))[1]["users"] == ["frank"]
        assert (await guarded.get("/rooms/den", headers=headers))[1]["users"] == ["frank"]
        headers = {"Authorization": f"Bearer {token('x', 'attic')}"}
        assert (await guarded.get("/rooms/den", headers=headers))[1]["users"] == []
        assert (await guarded.get("/health", headers={"Authorization": "Bearer x"}))[0] == 401


async def test_publishing_needs_a_token_for_the_room(guarded: Relay) -> None:
    """The same token, in the header."""
    path = "/rooms/lobby/messages"
    assert (await guarded.request("POST", path, data=b"x"))[0] == 401
    headers = {"Authorization": f"Bearer {token('server', 'den')}"}
    assert (await guarded.request("POST", path, data=b"x", headers=headers))[0] == 403
    headers = {"Authorization": f"Bearer {token('server')}"}
    assert (await guarded.request("POST", path, data=b"x", headers=headers))[0] == 202


async def test_command_line_mints_a_token_that_works(guarded: Relay) -> None:
    """`python -m relay token --user gina --room lobby --room den --expires 1h`."""
    words = ["token", "--user", "gina", "--room", "lobby", "--room", "den", "--expires", "1h"]
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "relay", *words],
        cwd=ROOT,
        env={**os.environ, "JWT_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    minted = process.stdout.strip()
    claims = jwt.decode(minted, SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["room"]) == ("gina", ["lobby", "den"])
    assert 3590 < claims["exp"] - time.time() <= 3600
    async with guarded.connect("gina", room="den", token=minted):
        pass


async def test_origins(start_relay: StartRelay) -> None:
    """Pages of allowed origins and the relay's own may connect and publish; programs always."""
    relay = await start_relay(ALLOWED_ORIGINS="https://app.example, https://two.example")
    own = f"http://127.0.0.1:{relay.port}"
    for user, origin in enumerate(("https://app.example", "https://two.example", own, None)):
        headers = {"Origin": origin} if origin else {}
        async with relay.connect(f"user-{user}", headers=headers):
            pass
        status, _ = await relay.request("POST", "/rooms/lobby/messages", headers=headers)
        assert status == 202
    for origin in ("https://evil.example", "http://app.example", "null"):
        error = f"origin {origin!r} is not in ALLOWED_ORIGINS"
        assert await _refusal(relay, "alice", headers={"Origin": origin}) == (403, error)
        answer = await relay.request("POST", "/rooms/lobby/messages", headers={"Origin": origin})
        assert answer == (403, {"error": error})


async def test_connections_are_limited(start_relay: StartRelay) -> None:
    """503 with Retry-After, `/ready` says so too, and a place that is left is free again."""
    relay = await start_relay(MAX_CONNECTIONS="2")
    async with relay.connect("alice"):
        async with relay.connect("bob"):
            assert await _refusal(relay, "carol") == (503, "relay has 2 connections, its limit")
            assert (await relay.get("/ready"))[0] == 503
        await relay.count("lobby", 1)
        while (await relay.get("/ready"))[0] != 200:
            await asyncio.sleep(0.01)
        async with relay.connect("carol"):
            pass


async def test_connections_per_address_are_limited_behind_a_trusted_proxy(
    start_relay: StartRelay,
) -> None:
    """The address is the last that no trusted proxy wrote; a client's own claim is not."""
    relay = await start_relay(MAX_CONNECTIONS_PER_IP="1")
    first, second = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
    async with relay.connect("alice", headers=first), relay.connect("bob", headers=second):
        expected = (429, "203.0.113.7 has 1 connections, the limit for one address")
        assert await _refusal(relay, "carol", headers=forged) == expected
        network = {"X-Forwarded-For": "2001:db8::1"}, {"X-Forwarded-For": "2001:db8::2"}
        async with relay.connect("dave", headers=network[0]):
            assert (await _refusal(relay, "erin", headers=network[1]))[0] == 429


async def test_forwarded_address_of_a_stranger_does_not_count(start_relay: StartRelay) -> None:
    """Only TRUSTED_PROXIES may say who the client is."""
    relay = await start_relay(MAX_CONNECTIONS_PER_IP="1", TRUSTED_PROXIES="192.0.2.1")
    async with relay.connect("alice", headers={"X-Forwarded-For": "203.0.113.7"}):
        refusal = await _refusal(relay, "bob", headers={"X-Forwarded-For": "203.0.113.8"})
        assert refusal == (429, "127.0.0.1 has 1 connections, the limit for one address")


async def test_request_heads_are_bounded(relay: Relay) -> None:
    """What no browser sends is refused in JSON that every page may read, without a traceback."""
    for start, status, error in (
        (
            b"GET /ws/" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            431,
            "the URL exceeds limit of 32768 bytes, or a header 65536",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
            431,
            "the URL exceeds limit of 32768 bytes, or a header 65536",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
            400,
            "bad HTTP request",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 3,
            431,
            "the request's head exceeds limit of 131072 bytes",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP at all\r\n\r\n",
            400,
            "not an HTTP request",
        ),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(start)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == str(status).encode()
        assert b"Access-Control-Allow-Origin: *" in head
        assert json.loads(await reader.readuntil(b"}")) == {"error": error}
        writer.close()


async def test_large_cookies_keep_nobody_out(relay: Relay, room: str) -> None:
    """A browser sends all that a site has ever set."""
    cookie = {"Cookie": "; ".join(f"c{number}={'x' * 4000}" for number in range(12))}
    async with relay.connect("alice", room=room, headers=cookie):
        pass
