"""One order on all relays, whoever appends."""

import asyncio
import random
from contextlib import AsyncExitStack

from tests.nats.far import far
from tests.nats.server import NatsServer
from tests.nats.site import Guest, Site, until
from tests.relay.unit.people import say


async def _sites(stack: AsyncExitStack, server: NatsServer, count: int) -> list[Site]:
    return [
        await stack.enter_async_context(Site(f"relay{index}", nats_url=server.url))
        for index in range(count)
    ]


async def test_three_relays_that_contend_agree_on_one_order(server: NatsServer) -> None:
    """Each message once, those of one sender in their order, all relays alike."""
    async with AsyncExitStack() as stack:
        sites = await _sites(stack, server, 3)
        guests: list[tuple[Site, Guest]] = []
        for index in range(9):
            site = sites[index % 3]
            guests.append((site, await site.join(f"guest{index}", echo=True)))
        await until(lambda: all(len(site.people()) == 9 for site in sites))
        said = 0
        for _ in range(300):
            site, guest = random.choice(guests)
            count = random.randint(1, 3)
            words = [f"{guest.user} {guest.said + 1 + at}".encode() for at in range(count)]
            say(site.room(), guest, *words)
            said += count
            if random.random() < 0.5:
                await asyncio.sleep(random.choice([0, 0.0005, 0.002]))
        await until(lambda: all(len(guest.heard) == said for _, guest in guests))
        order = guests[0][1].heard
        assert all(guest.heard == order for _, guest in guests)
        for _, guest in guests:
            own = [word for word in order if word.startswith(f"{guest.user} ".encode())]
            assert own == [f"{guest.user} {at + 1}".encode() for at in range(guest.said)]
            assert guest.uncredited == 0


async def test_no_relay_starves(server: NatsServer) -> None:
    """Where three publish without a pause, each has its share."""
    async with AsyncExitStack() as stack:
        sites = await _sites(stack, server, 3)
        shares = await _share(sites, 900)
        assert min(shares) * 4 > max(shares), shares


async def test_relay_that_is_slow_does_not_starve(server: NatsServer) -> None:
    """Its appends come too late for as long as others do not leave it a place."""
    async with AsyncExitStack() as stack:
        sites = await _sites(stack, server, 1)
        port = await stack.enter_async_context(far(server.port, 0.01))
        away = Site("away", nats_url=f"nats://127.0.0.1:{port}")
        sites.append(await stack.enter_async_context(away))
        shares = await _share(sites, 600)
        assert shares[1] >= 10, shares


async def _share(sites: list[Site], total: int) -> list[int]:
    """Have somebody publish at each site without a pause; return how often each has appended."""
    guests = [await site.join(f"guest{at}") for at, site in enumerate(sites)]
    await until(lambda: all(len(site.people()) == len(sites) for site in sites))
    before = [site.rooms.latency.count for site in sites]
    shares = [0]
    while sum(shares) < total:
        for site, guest in zip(sites, guests, strict=True):
            if guest.uncredited < 1000:
                say(site.room(), guest, b"x")
        await asyncio.sleep(0.0005)
        counts = [site.rooms.latency.count for site in sites]
        shares = [count - start for count, start in zip(counts, before, strict=True)]
    print("appends", shares, [site.rooms.latency.quantile(0.5) for site in sites])
    await until(lambda: all(guest.uncredited == 0 for guest in guests))
    return shares
