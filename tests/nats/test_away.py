"""NATS goes away, or a relay is cut off from it: nothing accepted is lost or repeated."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import orjson
from nats.aio.client import Client

from relay.names import UserName
from tests.clients.proxy import Proxy
from tests.nats.server import NatsServer
from tests.nats.site import Guest, Site, until
from tests.relay.unit.people import say

_FRAME = b"\x81\x01x"
_STRANGE: tuple[tuple[Any, Any, bytes | None], ...] = (  # spans, changes, frames
    ((), (), None),
    (None, (), b""),
    ((), (), b""),
    ((), (), _FRAME),
    ([[]], (), _FRAME),
    ([[None, "session", 1, 2, 1, False]], (), _FRAME),
    ([[None, "session", 1, 3.0, 1, False]], (), _FRAME),
    ([[None, "session", 1, 3, -1, False]], (), _FRAME),
    ([[None, ["session"], 1, 3, 1, False]], (), _FRAME),
    ([[{}, "session", 1, 3, 1, False]], (), _FRAME),
    ([[None, "session", 1, 3, 1, False]], [["eve", "session", 0, True, None]], _FRAME),
    ((), [[["eve"], "session", 0, True, None]], b""),
    ((), [["eve", {}, 0, True, None]], b""),
    ((), [["eve", "session", "0", True, None]], b""),
    ((), [["eve", "session", 0, True, ["nobody"]]], b""),
    ((), ["eve"], b""),
)


async def _pair(stack: AsyncExitStack, server: NatsServer, **settings: Any) -> tuple[Any, ...]:
    """Return two relays, a member of each that hears everything, and the first one's network."""
    proxy = await stack.enter_async_context(Proxy.open(server.port))
    url = proxy.url.replace("http", "nats")
    one = await stack.enter_async_context(Site("one", nats_url=url, **settings))
    two = await stack.enter_async_context(Site("two", nats_url=server.url, **settings))
    anna, bert = await one.join("anna", echo=True), await two.join("bert", echo=True)
    await until(lambda: len(one.people()) == len(two.people()) == 2)
    return one, two, anna, bert, proxy


async def test_server_that_restarts_loses_and_repeats_nothing(server: NatsServer) -> None:
    """What is accepted meanwhile waits, and its senders are held."""
    async with AsyncExitStack() as stack:
        one, two, anna, bert, _ = await _pair(stack, server)
        for number in range(5):
            say(one.room(), anna, b"a%d" % number)
            say(two.room(), bert, b"b%d" % number)
            await asyncio.sleep(0.001)
        await server.stop()
        await until(lambda: one.cluster.is_away and two.cluster.is_away)
        assert anna.is_held
        say(one.room(), anna, b"while it is away")
        await server.start()
        await until(lambda: len(anna.heard) == len(bert.heard) == 11)
        assert anna.heard == bert.heard
        assert sorted(set(anna.heard)) == sorted(anna.heard)
        await until(lambda: not anna.is_held and not bert.is_held)
        assert not (one.lost or two.lost or anna.ends or bert.ends)


async def test_cuts_at_any_moment_lose_and_repeat_nothing(server: NatsServer) -> None:
    """The connection breaks in the middle of appends and of their answers."""
    async with AsyncExitStack() as stack:
        one, two, anna, bert, proxy = await _pair(stack, server, nats_timeout="60s")
        said = 0
        while proxy.cuts < 6:
            proxy.cut_soon(most=20_000)
            for _ in range(20):
                say(one.room(), anna, b"a%d" % said)
                say(two.room(), bert, b"b%d" % said)
                said += 1
                await asyncio.sleep(0.001)
            await until(lambda: one.link_is_up)
        await until(lambda: len(anna.heard) == len(bert.heard) == 2 * said)
        assert anna.heard == bert.heard
        assert len(set(anna.heard)) == 2 * said
        assert not (one.lost or two.lost)


async def test_who_went_on_elsewhere_is_not_published_for(server: NatsServer) -> None:
    """A relay that was cut off drops what it has pending of a session that has another place."""
    async with AsyncExitStack() as stack:
        one, two, anna, bert, proxy = await _pair(stack, server, nats_timeout="60s")
        proxy.stall()
        say(one.room(), anna, b"on its way, or not")
        await asyncio.sleep(0.05)
        say(one.room(), anna, b"pending")
        again = Guest("anna", echo=True)
        again.id = again.author.session
        again.is_named = True
        await two.admit(again)
        await until(lambda: two.room().presence.people[UserName("anna")].relay == "two")
        say(two.room(), again, b"from the other relay")
        await until(lambda: bert.heard == [b"from the other relay"])
        proxy.cut()
        proxy.flow()
        await until(lambda: anna.ends == ["taken_over"])
        say(two.room(), bert, b"last")
        await until(lambda: b"last" in bert.heard)
        assert bert.heard == [b"from the other relay", b"last"]


async def test_members_are_closed_when_it_is_away_for_too_long(server: NatsServer) -> None:
    """After NATS_TIMEOUT; newcomers are let in when it is there again."""
    async with AsyncExitStack() as stack:
        one, _, _, _, _ = await _pair(stack, server, nats_timeout="1s")
        await server.stop()
        await until(lambda: one.lost == ["lobby"])
        await server.start()
        await until(lambda: not one.cluster.is_away)
        await one.join("carl")
        await until(lambda: "carl" in one.people())


async def test_empty_store_begins_a_new_epoch(server: NatsServer) -> None:
    """Who is in a room has to come again."""
    async with AsyncExitStack() as stack:
        one, two, _, _, _ = await _pair(stack, server)
        epoch = one.room().epoch
        await server.stop()
        server.store = server.store.with_name("empty")
        await server.start()
        await until(lambda: one.lost and two.lost)
        await one.join("carl")
        assert one.room().epoch not in ("", epoch)


async def test_foreign_messages_are_ignored_and_counted(server: NatsServer) -> None:
    """Somebody else publishes on a room's subject; the order goes on.

    Also where it looks like an entry: one with a session that was no text stopped its room.
    """
    async with AsyncExitStack() as stack:
        one, two, anna, bert, _ = await _pair(stack, server)
        client = Client()
        await client.connect(server.url)
        for number, (spans, changes, frames) in enumerate(_STRANGE, 1):
            say(one.room(), anna, b"before")
            await until(lambda number=number: len(bert.heard) == 2 * number - 1)
            fields = ["stranger", number, 0, two.rooms.logs[0].head, False, spans, changes]
            head = orjson.dumps(fields) if frames is not None else b""
            data = b"R1" + len(head).to_bytes(4, "big") + head + (frames or b"")
            await client.request("relay.room.lobby", data, timeout=30)  # it has its place
            say(two.room(), bert, b"behind")
            await until(lambda number=number: len(anna.heard) == 2 * number)
        await client.close()
        assert anna.heard == bert.heard
        await until(lambda: one.rooms.foreign == two.rooms.foreign == number)
