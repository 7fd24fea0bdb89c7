"""Names are unique over all relays: the log decides who has one."""

import asyncio
import os
from contextlib import AsyncExitStack

from relay.names import UserName
from relay.room.batch import Author, SessionId
from tests.nats.server import NatsServer
from tests.nats.site import Guest, Site, until
from tests.relay.unit.people import say

_RACES = 1000 if os.environ.get("CI") else 200


async def test_one_of_two_who_claim_a_name_at_once_has_it(server: NatsServer) -> None:
    """The same one everywhere, and the other is told; nothing that it said is published."""
    async with AsyncExitStack() as stack:
        sites = [
            await stack.enter_async_context(Site(f"relay{at}", nats_url=server.url))
            for at in range(3)
        ]
        listener = await sites[2].join("listener")
        winners = [await _race(sites, UserName(f"name{race}")) for race in range(_RACES)]
        await until(lambda: len(listener.heard) == _RACES)
        assert sorted(listener.heard) == sorted(winner.id.encode() for winner in winners)
        first = sum(winner.id.endswith("at 0") for winner in winners)
        print(f"the first relay's {first}, the second's {_RACES - first}")


async def _race(sites: list[Site], name: UserName) -> Guest:
    """Two claim the name, at two of three relays; return who has it."""
    guests = [Guest(name), Guest(name)]
    for at, guest in enumerate(guests):
        guest.author = Author(name, SessionId(f"{name} at {at}"))
        guest.id = guest.excluded = guest.author.session
    await asyncio.gather(
        *(site.admit(guest) for site, guest in zip(sites[:2], guests, strict=True))
    )
    for site, guest in zip(sites, guests, strict=False):
        if not guest.ends:
            say(site.room(), guest, guest.id.encode())
    await until(lambda: any(guest.ends for guest in guests))
    loser, winner = sorted(guests, key=lambda guest: not guest.ends)
    assert loser.ends[0] in ("name_in_use", "taken_over")
    for site in sites:
        people = site.room().presence.people
        await until(lambda people=people: name in people and people[name].session == winner.id)
    assert not winner.ends
    return winner


async def test_many_join_in_one_entry(server: NatsServer) -> None:
    """A thousand who come at once do not wait one for the other."""
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(Site(f"relay{at}", nats_url=server.url))
            for at in range(2)
        ]
        await two.join("listener")
        async with one.rooms.visit(one.room().name):
            for number in range(1000):
                one.room().join(Guest(f"guest{number}"))
        before = one.rooms.latency.count
        await until(lambda: len(two.people()) == 1001)
        assert one.rooms.latency.count - before <= 5


async def test_a_relay_that_dies_frees_its_names(server: NatsServer) -> None:
    """It is not heard for ten seconds, and then taken to have gone."""
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(Site(f"relay{at}", nats_url=server.url))
            for at in range(2)
        ]
        dying = Site("dying", nats_url=server.url)
        await dying.cluster.start()
        for site, name in ((one, "anna"), (two, "bert"), (dying, "carl")):
            await site.join(name)
        await until(lambda: len(one.people()) == len(two.people()) == 3)
        await dying.cluster.stop(leaves=False)
        await until(lambda: len(one.people()) == len(two.people()) == 2)
        assert set(one.people()) == {"anna", "bert"}
