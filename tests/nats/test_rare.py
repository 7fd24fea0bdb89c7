"""What seldom happens: nobody can answer, age has emptied a room's log, a server takes little."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from relay.edge.nats import format, subjects
from relay.room.batch import join
from tests.nats.server import NatsServer
from tests.nats.site import Site, until
from tests.relay.unit.people import piece, say, words_of


async def _two_relays(stack: AsyncExitStack, **settings: Any) -> list[Site]:
    return [await stack.enter_async_context(Site(f"relay{at}", **settings)) for at in range(2)]


async def test_members_are_told_again_where_their_relay_could_not_answer(
    server: NatsServer,
) -> None:
    """A relay that finds nobody begins the room; who is there all the same is there again."""
    async with AsyncExitStack() as stack:
        one, two = await _two_relays(stack, nats_url=server.url)
        anna = await one.join("anna")
        await until(lambda: one.people() == ["anna"])
        following = one.rooms.followed[one.room().name]
        await following.withdraw()
        bert = await two.join("bert")
        await until(lambda: set(one.people()) == set(two.people()) == {"anna", "bert"})
        say(one.room(), anna, b"hi")
        await until(lambda: bert.heard == [b"hi"])
        assert not (anna.ends or bert.ends)


async def test_work_that_is_ended_before_it_has_begun_leaves_nothing(server: NatsServer) -> None:
    """A relay stops in the pass in which a batch sets out: what never ran is no warning."""
    async with Site("relay0", nats_url=server.url) as site:
        tasks = asyncio.all_tasks()
        with catch_warnings(record=True) as warnings:
            simplefilter("always")
            site.rooms.spawn(site.cluster.peers.rename("relay1"))
            site.rooms.stop()
            await asyncio.sleep(0)  # the task ends
            await asyncio.sleep(0)  # and is forgotten
        assert not (warnings or asyncio.all_tasks() - tasks)


async def test_request_for_a_place_that_makes_no_sense_is_passed_over(server: NatsServer) -> None:
    """Whoever sent it; the relay goes on, and a good one is heard."""
    async with Site("relay0", nats_url=server.url) as site:
        await site.join("anna")
        log, place = site.rooms.logs[0], subjects.places("relay0", site.room().name)
        for data in (b"", b"{", b"5", b"[1]", b'["x"]', b"[[], 1]", b'[5, "x"]', b'["x", null]'):
            await site.cluster.link.publish(place, data)
        await site.cluster.link.publish(f"{place}=", b'["relay1", 9]')
        await site.cluster.link.publish(place, b'["relay2", 9]')
        await until(lambda: "relay2" in log.rotation.left)
        assert "relay1" not in log.rotation.left


async def test_log_that_age_has_emptied_is_appended_to(server: NatsServer) -> None:
    """The server then expects nothing before: it is asked, and the order goes on."""
    async with AsyncExitStack() as stack:
        one, two = await _two_relays(stack, nats_url=server.url)
        anna, bert = await one.join("anna", echo=True), await two.join("bert", echo=True)
        await until(lambda: len(one.people()) == len(two.people()) == 2)
        for round_ in range(3):
            purged = await one.cluster.link.api(
                "STREAM.PURGE.RELAY", {"filter": subjects.room(one.room().name)}
            )
            assert purged["success"]
            say(one.room(), anna, b"a%d" % round_)
            say(two.room(), bert, b"b%d" % round_)
            await until(lambda: len(anna.heard) == len(bert.heard))
            await until(lambda want=2 * round_ + 2: len(bert.heard) == want)
        assert anna.heard == bert.heard
        carl = await two.join("carl")
        say(one.room(), anna, b"last")
        await until(lambda: carl.heard == [b"last"])


async def test_batches_are_divided_where_the_server_takes_little(tmp_path: Path) -> None:
    """At the borders of messages, in order, each once."""
    async with AsyncExitStack() as stack:
        small = NatsServer(tmp_path / "store", max_payload="64KB")
        url = (await stack.enter_async_context(small)).url
        one, two = await _two_relays(stack, nats_url=url, max_message_size="60KB")
        anna, bert = await one.join("anna"), await two.join("bert")
        await until(lambda: len(one.people()) == len(two.people()) == 2)
        words = [b"%04d" % number + bytes(500) for number in range(400)] + [bytes(60_000)]
        say(one.room(), anna, *words)
        await until(lambda: len(bert.heard) == len(words))
        assert bert.heard == words
        await until(lambda: anna.uncredited == 0)


async def test_an_entry_that_follows_another_one_than_it_says_counts_nowhere(
    server: NatsServer,
) -> None:
    """Servers that replicate a stream may take two appends behind the same entry."""
    async with AsyncExitStack() as stack:
        one, two = await _two_relays(stack, nats_url=server.url)
        anna, bert = await one.join("anna", echo=True), await two.join("bert", echo=True)
        await until(lambda: len(one.people()) == len(two.people()) == 2)
        say(one.room(), anna, b"first")
        await until(lambda: bert.heard == [b"first"])
        log = one.rooms.followed[one.room().name].log
        stale = join([piece(bert, b"stale")], "another", 1, one.shared.account)
        for previous in (log.head - 1, log.head):  # the first takes the place of the second
            await one.cluster.link.publish(log.subject, format.pack(stale, 0, previous))
        await until(lambda: one.rooms.stale == two.rooms.stale == 2)
        say(two.room(), bert, b"last")
        await until(lambda: b"last" in anna.heard and b"last" in bert.heard)
        assert anna.heard == bert.heard == [b"first", b"last"]
        late = await stack.enter_async_context(Site("relay2", nats_url=server.url))
        await late.join("carl")  # what the stream holds is read
        for site in (one, two, late):
            log = site.rooms.followed[site.room().name].log
            assert words_of(tuple(log.read(0))) == [b"first", b"last"], site.name
        assert not (anna.ends or bert.ends)
