"""How requests are read: lists as lists, bytes as bytes, and what proxies write."""

import asyncio
import socket
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from relay.access import tokens
from relay.names import UserName
from tests.conftest import StartRelay
from tests.process import Relay

KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"


async def ask(relay: Relay, head: bytes) -> tuple[int, bytes]:
    """Return status and all that comes with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(head + b"\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    status = int(answer.split()[1])
    if status != 101 and not head.startswith(b"HEAD"):
        answer += await reader.readuntil(b"}")
    writer.close()
    return status, answer


@pytest.mark.parametrize(
    "headers",
    [
        b"Upgrade: websocket, h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + KEY,
        b"Upgrade: h2c\r\nUpgrade: WebSocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n"
        + KEY,
        b"Upgrade: ,websocket,\r\nConnection: ,Upgrade\r\n" + KEY,
    ],
)
async def test_what_a_handshake_offers_is_a_list(relay: Relay, room: str, headers: bytes) -> None:
    """RFC 9110 §5.6.1: over several lines, with empty items, in any case."""
    head = f"GET /ws/alice?room={room} HTTP/1.1\r\nHost: x\r\n".encode()
    assert (await ask(relay, head + headers))[0] == 101


async def test_handshake_by_http_1_0_is_one(relay: Relay, room: str) -> None:
    """It is what nginx speaks to those behind it, unless told otherwise."""
    head = f"GET /ws/alice?room={room} HTTP/1.0\r\n".encode()
    assert (await ask(relay, head + UPGRADE + KEY))[0] == 101


@pytest.mark.parametrize(
    ("method", "headers", "status", "error"),
    [
        (b"HEAD", UPGRADE + KEY, 426, b""),
        (b"GET", KEY, 426, b"without the header Upgrade: a proxy in between has removed it"),
        (b"GET", b"", 426, b"if yours did not, a proxy in between may have removed"),
        (b"GET", b"Upgrade: h2c\r\nConnection: Upgrade\r\n", 426, b"an upgrade would succeed"),
        (b"GET", b"Upgrade: websocket\r\n" + KEY, 400, b"the header Connection does not say"),
        (b"GET", UPGRADE + KEY.replace(b"13", b"8"), 426, b"expected Sec-WebSocket-Version: 13"),
        (b"GET", UPGRADE + KEY.replace(b"dGhl", b"dG"), 400, b"is not 16 bytes in base64"),
        (b"GET", UPGRADE + KEY.replace(b"dGhl", b"d hl"), 400, b"is not 16 bytes in base64"),
    ],
)
async def test_what_is_no_handshake_is_told(
    relay: Relay, room: str, method: bytes, headers: bytes, status: int, error: bytes
) -> None:
    """A HEAD is none; a proxy that removed a header is named."""
    head = method + f" /ws/alice?room={room} HTTP/1.1\r\nHost: x\r\n".encode()
    answer = await ask(relay, head + headers)
    assert answer[0] == status
    assert error in answer[1]


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        (["chat", "superchat"], "chat"),
        (["chat", "bearer.x"], "bearer.x"),
        (["bearer.a", "bearer.b"], "bearer.a"),
    ],
)
async def test_subprotocol_is_answered(
    relay: Relay, room: str, offered: list[str], answered: str
) -> None:
    """A browser fails without an answer; a token that it offered is the answer, else the first."""
    words = [Subprotocol(word) for word in offered]
    async with connect(relay.url("alice", room=room), subprotocols=words, proxy=None) as alice:
        assert alice.subprotocol == answered


@pytest.mark.parametrize(
    "target",
    [
        b"/ws/%FF",
        b"/ws/\xff",
        b"/ws/alice?room=%FF",
        b"/ws/alice?room=\xff",
        b"/ws/alice?%C3=1",
        b"/ws/%ED%A0%80",
        b"/rooms/%FF",
        b"/live?since=%FF",
        b"/static/%FF.js",
    ],
)
async def test_bytes_that_are_not_utf_8_are_refused(relay: Relay, target: bytes) -> None:
    """In path and query alike: read as something else, two rooms would become one."""
    status, answer = await ask(
        relay, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + UPGRADE + KEY
    )
    assert status == 400
    if b"\xff" in target and not target.startswith(b"/live"):
        assert b"the URL has bytes that have to be percent-encoded" in answer
    else:
        assert b"in the URL is not UTF-8" in answer


async def test_names_are_decoded_once(relay: Relay, room: str) -> None:
    """`%25FF` is the name `%FF`, and a plus is a space in the query only."""
    async with relay.connect("%FF", room=f"{room}+a b"):
        _, body = await relay.get(f"/rooms/{room}+a%20b")
        assert body["users"] == ["%FF"]
        _, body = await relay.get(f"/rooms/{room}%2Ba%20b")
        assert body["users"] == ["%FF"]


async def test_log_line_cannot_be_forged(start_relay: StartRelay) -> None:
    """What comes from outside is quoted, and stays on its line."""
    relay = await start_relay()
    forged = "x%0a2026-11-26T00:00:00Z%20INFO%20%20%20%20root%20joined%20lobby%1b%5b2K"
    assert (await relay.get(f"/live?since={forged}"))[0] == 400
    line = await relay.logged("refused GET: 400 since='x\\n2026")
    assert line.endswith("expected a number of samples")
    assert not [line for line in relay.log if line.startswith("2026-11-26T00:00:00Z INFO    root")]


async def test_token_in_the_wrong_place_is_not_logged(start_relay: StartRelay) -> None:
    """Nor sent back: an answer may end up in somebody else's log."""
    relay = await start_relay()
    token = tokens.mint(UserName("alice"), ["lobby"], 60, "x" * 32)
    for path in (
        f"/live?since={token}",
        f"/ws/a?{token}=1",
        f"/ws/a?lag=x{token}",
        f"/static/{token}",
    ):
        status, body = await relay.get(path)
        assert status in (400, 404)
        assert "eyJ…" in body["error"]
    await relay.get(f"/rooms/{token}%2F")
    assert not [line for line in relay.log if token[:20] in line]


async def test_refusals_of_one_cause_share_a_line(start_relay: StartRelay) -> None:
    """One a second at most; the next one tells how many there were."""
    relay = await start_relay()
    for number in range(200):
        await relay.get(f"/ws/a?echo=x{number}")
    lines = [line for line in relay.log if "expected 0 or 1" in line]
    assert len(lines) < 100
    while "more since the last line" not in "".join(relay.log):
        await relay.get("/ws/a?echo=again")
    while await relay.metric('relay_refused_total{status="400"}') < 200:
        await asyncio.sleep(0.05)


async def test_unreadable_forwarded_address_is_one_warning(start_relay: StartRelay) -> None:
    """The proxy's own address counts instead."""
    relay = await start_relay(MAX_CONNECTIONS_PER_IP="1")
    for name in ("alice", "bob"):
        async with relay.connect(name, headers={"X-Forwarded-For": "198.51.100.1, unknown"}):
            pass
        await relay.count("lobby", 0)
    assert "WARNING" in await relay.logged("has 'unknown', which is no address")
    assert len([line for line in relay.log if "which is no address" in line]) == 1


async def test_connection_that_breaks_while_it_is_told_to_continue_is_no_traceback(
    start_relay: StartRelay,
) -> None:
    """`Expect: 100-continue`, and a reset instead of a body; `kill` looks for tracebacks."""
    relay = await start_relay()
    for _ in range(20):
        reset = socket.create_connection(("127.0.0.1", relay.port))
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.sendall(
            b"POST /rooms/a/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        reset.close()
    assert (await relay.get("/ready"))[0] == 200
    status, answer = await ask(
        relay, b"POST /rooms/a/messages HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n"
    )
    assert status == 417
    assert b"only Expect: 100-continue is known here" in answer


async def test_relay_listens_on_both_families_and_on_lists(start_relay: StartRelay) -> None:
    """`*` is every address of both; a list has one port."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    for addresses in ("*", "127.0.0.1,::1"):
        relay = await start_relay(LISTEN_ADDRESS=addresses)
        for host in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(host, relay.port)
            writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_host_may_name_its_default_port_and_have_any_case(start_relay: StartRelay) -> None:
    """The relay's own pages are known by it."""
    relay = await start_relay(ALLOWED_ORIGINS="https://*.elsewhere.example")
    for host, origin, status in (
        ("Relay.Example:443", "https://relay.example", 426),
        ("relay.example", "https://relay.example", 426),
        ("relay.example", "https://sub.elsewhere.example", 426),
        ("relay.example", "https://elsewhere.example", 403),
    ):
        head = f"GET /ws/a HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
        assert (await ask(relay, head.encode()))[0] == status
