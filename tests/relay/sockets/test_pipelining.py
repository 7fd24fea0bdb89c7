"""Requests of one connection that come while another one is under way: in order, and bounded."""

import asyncio

import pytest

from relay.edge.gate import MOST as MAX_HEAD
from relay.web.http_protocol import MAX_FIELD
from tests.conftest import StartRelay
from tests.process import Relay
from tests.raw import RawClient, encode

FIELD = b"X-Filler: " + b"x" * (MAX_FIELD - 1000) + b"\r\n"


def get(path: str, fields: int = 0) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + FIELD * fields + b"\r\n"


def post(room: str, body: bytes) -> bytes:
    head = f"POST /rooms/{room}/messages HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def statuses(reader: asyncio.StreamReader, count: int) -> list[int]:
    """Return the statuses of so many answers."""
    found = []
    for _ in range(count):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length: ")[2].split()[0])
        await reader.readexactly(size)
        found.append(int(head.split()[1]))
    return found


@pytest.mark.parametrize("fields", [0, 1])
async def test_requests_are_answered_in_order(relay: Relay, room: str, fields: int) -> None:
    """However many come at once, with large heads, and bodies between them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    sent, expected = b"", []
    for number in range(60):
        sent += get("/ready", fields) + post(f"{room}-{number % 3}", bytes(number * 10_000))
        sent += get("/nothing", fields)
        expected += [200, 202, 404]
    writer.write(sent)
    assert await statuses(reader, len(expected)) == expected
    writer.write(get("/ready", fields))
    assert await statuses(reader, 1) == [200]
    writer.close()


async def test_head_that_began_behind_a_request_is_bounded_too(relay: Relay) -> None:
    """It is refused like any other, once the one before it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(get("/ready") + get("/ready", 8 * MAX_HEAD // len(FIELD)))
    assert await statuses(reader, 2) == [200, 431]
    assert await reader.read() == b""
    writer.close()


async def test_what_waits_behind_a_request_is_counted_and_bounded(
    start_relay: StartRelay,
) -> None:
    """One connection held 900 MB of heads while its first request waited for a room."""
    relay = await start_relay(HISTORY_SIZE="0")
    deaf = await RawClient.connect(relay.port, "/ws/deaf?room=hall", receive_buffer=4096)
    dumb = await RawClient.connect(relay.port, "/ws/dumb?room=hall")

    async def flood() -> None:
        while True:
            await dumb.send(encode(2, bytes(100_000)))

    flood_task = asyncio.create_task(flood())
    while not (await relay.get("/rooms/hall"))[1]["waiting"]:
        await asyncio.sleep(0.01)
    guest = await RawClient.open(relay.port)
    await guest.send(post("hall", b"!"))
    most = 48_000_000  # bytes: what the kernel takes is less
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            while guest.sent_bytes < most:
                await guest.send(get("/ready", 200))
    assert guest.sent_bytes < most
    assert (await guest.answer()).split()[1] in (b"202", b"503")
    flood_task.cancel()
    for client in (deaf, dumb, guest):
        client.close()
