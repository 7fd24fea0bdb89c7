"""What the relay answers around the WebSocket."""

import asyncio
import io
import re

import aiohttp
import pytest

from relay import __version__
from tests.conftest import StartRelay
from tests.process import Relay


async def test_health_has_the_documented_shape(start_relay: StartRelay) -> None:
    """`status`, `users` and `count` at the top level, and what release this is."""
    relay = await start_relay(
        RELEASE_COMMIT="abc123", RELEASE_TIME="2026-11-23T06:00:00Z", RELEASE_ACTOR="octocat"
    )
    async with relay.connect("bob"), relay.connect("alice"), relay.connect("bob", room="den"):
        status, health = await relay.get("/health")
        assert status == 200
        assert health["status"] == "healthy"
        assert health["users"] == ["alice", "bob", "bob"]
        assert health["count"] == 3
        assert health["version"] == __version__
        assert health["commit"] == "abc123"
        assert health["deployed_at"] == "2026-11-23T06:00:00Z"
        assert health["deployed_by"] == "octocat"
        assert health["uptime_seconds"] > 0
        assert health["rooms"] == 2


async def test_totals_count_what_was_relayed(start_relay: StartRelay) -> None:
    """Messages, deliveries and closes add up, in `/health` and in `/metrics`."""
    relay = await start_relay()
    async with (
        relay.connect("alice") as alice,
        relay.connect("bob") as bob,
        relay.connect("carol", echo=1) as carol,
    ):
        for _ in range(5):
            await alice.send(b"12345678")
            await bob.recv()
            await carol.recv()
        await carol.send(b"x")
        for member in (alice, bob, carol):
            await member.recv()
    await relay.count("lobby", 0)
    _, health = await relay.get("/health")
    totals = health["totals"]
    assert totals["connections"] == 3
    assert totals["messages"] == 6
    assert totals["bytes"] == 5 * 10 + 3
    assert totals["deliveries"] == 5 * 2 + 3
    assert totals["delivered_bytes"] == 5 * 2 * 10 + 3 * 3
    assert totals["closed"] == {"left": 3}
    async with aiohttp.request("GET", relay.http + "/metrics") as answer:
        text = await answer.text()
    for line in (
        "relay_connections 0.0",
        "relay_arrived_total 3.0",
        "relay_messages_total 6.0",
        "relay_deliveries_total 13.0",
        'relay_left_total{reason="left"} 3.0',
    ):
        assert line in text.splitlines()
    assert re.search(r"^process_resident_memory_bytes ", text, re.MULTILINE)


async def test_rooms_and_their_members(relay: Relay, room: str) -> None:
    """A room that nobody is in is empty, not missing."""
    async with relay.connect("alice", room=room), relay.connect("bob", room=room):
        _, body = await relay.get("/rooms")
        assert (room, 2) in [(each["room"], each["count"]) for each in body["rooms"]]
        assert body["count"] >= 1
        _, body = await relay.get(f"/rooms/{room}")
        assert (body["room"], body["users"], body["count"]) == (room, ["alice", "bob"], 2)
    assert (await relay.get("/rooms/nobody-here"))[1]["count"] == 0
    assert await relay.get("/rooms/%00") == (
        400,
        {"error": "room name contains the invisible character U+0000"},
    )


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/plain", "grüße".encode(), "grüße"),
        ("text/html; charset=UTF-8", b"<b>", "<b>"),
        ("application/json", b"{}", b"{}"),
        ("application/octet-stream", b"\x00\xff", b"\x00\xff"),
        ("text/plain", b"", ""),
    ],
)
async def test_post_publishes_to_everybody(
    relay: Relay, room: str, content_type: str, body: bytes, message: str | bytes
) -> None:
    """`text/*` as a text message, anything else as a binary one."""
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        status, answer = await relay.request(
            "POST", f"/rooms/{room}/messages", data=body, headers={"Content-Type": content_type}
        )
        assert (status, answer) == (202, {"room": room, "bytes": len(body), "members": 2})
        assert await alice.recv() == await bob.recv() == message


@pytest.mark.parametrize(
    ("content_type", "body", "status", "error"),
    [
        ("text/plain", b"caf\xe9", 400, "text message is not UTF-8"),
        (
            "text/plain; charset=latin-1",
            b"x",
            415,
            "charset 'latin-1' of text is not supported; send UTF-8",
        ),
        (
            "image/png",
            bytes(10_000_001),
            413,
            "message of 10000001 or more bytes exceeds limit of 10000000",
        ),
    ],
)
async def test_post_of_what_cannot_be_relayed_is_refused(
    relay: Relay, room: str, content_type: str, body: bytes, status: int, error: str
) -> None:
    """With a sentence, and nothing reaches the room."""
    async with relay.connect("alice", room=room) as alice:
        answer = await relay.request(
            "POST",
            f"/rooms/{room}/messages",
            data=io.BytesIO(body),
            headers={"Content-Type": content_type},
        )
        assert answer == (status, {"error": error})
        await relay.request("POST", f"/rooms/{room}/messages", data=b"next")
        assert await alice.recv() == b"next"


async def test_post_without_length_is_bounded_too(relay: Relay, room: str) -> None:
    """A chunked body is refused when it passes the limit."""

    async def body() -> object:
        for _ in range(12):
            yield bytes(1_000_000)

    async with aiohttp.ClientSession() as session:
        try:
            url = f"{relay.http}/rooms/{room}/messages"
            async with session.post(url, data=body()) as answer:
                assert answer.status == 413
                assert "exceeds limit of 10000000" in (await answer.json())["error"]
        except aiohttp.ClientConnectionError:
            pass  # it may be cut off while it is still sending


async def test_history_reaches_those_who_come_later(relay: Relay, room: str) -> None:
    """A room need not have members to be published to."""
    await relay.request("POST", f"/rooms/{room}/messages", data=b"waiting for you")
    async with relay.connect("alice", room=room, history=1) as alice:
        assert await alice.recv() == b"waiting for you"


async def test_pages_of_any_origin_may_read_json(relay: Relay, room: str) -> None:
    """CORS, with `ALLOWED_ORIGINS=*`."""
    for path in ("/health", "/ready", "/rooms", f"/rooms/{room}", f"/rooms/{room}/messages"):
        async with aiohttp.request("OPTIONS", relay.http + path) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    async with aiohttp.request("GET", relay.http + "/health") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with aiohttp.request("GET", relay.http + "/rooms/%00") as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_pages_of_other_origins_may_not(start_relay: StartRelay) -> None:
    """Only a listed origin is named in the answer."""
    relay = await start_relay(ALLOWED_ORIGINS="https://app.example")
    for origin, expected in (
        ("https://app.example", "https://app.example"),
        ("https://evil.example", None),
    ):
        headers = {"Origin": origin}
        async with aiohttp.request("GET", relay.http + "/health", headers=headers) as answer:
            assert answer.headers.get("Access-Control-Allow-Origin") == expected
            assert answer.headers["Vary"] == "Origin"


async def test_unknown_paths_and_methods_are_sentences(relay: Relay) -> None:
    """JSON, like every refusal."""
    assert await relay.get("/nothing") == (404, {"error": "not found"})
    assert await relay.get("/static/nothing.js") == (404, {"error": "no such file: 'nothing.js'"})
    assert await relay.request("DELETE", "/health") == (
        405,
        {"error": "DELETE is not allowed here"},
    )


async def test_landing_page_is_served_under_a_strict_policy(relay: Relay) -> None:
    """Nothing from elsewhere, no inline script."""
    async with aiohttp.request("GET", relay.http + "/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = await answer.text()
    for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        async with aiohttp.request("GET", relay.http + name) as answer:
            assert answer.status == 200
    assert "<script>" not in page


async def test_ready_says_yes(relay: Relay) -> None:
    """200 for as long as new connections are welcome."""
    assert await relay.get("/ready") == (200, {"ready": True})


async def test_refusals_are_logged_in_one_line_each(start_relay: StartRelay) -> None:
    """Nothing fails silently, and nothing with a traceback."""
    relay = await start_relay()
    await relay.get("/ws/...")
    line = await relay.logged("refused")
    assert line.endswith("INFO    refused GET: 400 user name consists of dots only")
    async with aiohttp.request("GET", relay.http + "/metrics") as answer:
        assert 'relay_refused_total{status="400"} 1.0' in await answer.text()


async def test_kept_alive_connection_serves_requests_in_turn(relay: Relay) -> None:
    """Plain HTTP stays plain HTTP/1.1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    for _ in range(3):
        writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readuntil(b"}") == b'{"ready":true}'
    writer.close()
