"""Two pages in a room, and what may happen to them: nothing is missed, and nothing comes twice."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.conftest import Pages
from tests.clients.proxy import Proxy
from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.handover.succession import succession

_JOIN = """async ([room, user]) => {
  const { RelayClient } = await import("/static/relay-client.js");
  const relay = new RelayClient("/", { room, user });
  const told = { heard: [], held: [], gaps: [], unknown: [], states: [] };
  relay.on("message", ({ data }) => told.heard.push(data));
  relay.on("gap", ({ missed }) => told.gaps.push(missed));
  relay.on("state", ({ state }) => told.states.push(state));
  globalThis.say = (text) =>
    relay.send(text).then(() => told.held.push(text), () => told.unknown.push(text));
  globalThis.told = told;
  globalThis.relay = relay;
  await relay.opened;
}"""


class Person:
    """A page with a client in it."""

    def __init__(self, page: Page, context: BrowserContext, name: str) -> None:
        self.page = page
        self.context = context
        self.name = name
        self.said: list[str] = []

    async def say(self, count: int) -> None:
        texts = [f"{self.name} {len(self.said) + index}" for index in range(count)]
        self.said += texts
        await self.page.evaluate("texts => { texts.forEach(globalThis.say) }", texts)

    async def hears(self, other: "Person") -> None:
        """Wait until as many have come as the other has said; they are the same, in order."""
        await self.page.wait_for_function(
            "count => globalThis.told.heard.length >= count", arg=len(other.said)
        )
        assert await self.page.evaluate("globalThis.told.heard") == other.said

    async def has_sent(self) -> None:
        """Wait until the relay holds everything."""
        await self.page.wait_for_function(
            "count => globalThis.told.held.length === count", arg=len(self.said)
        )

    async def told(self, name: str) -> list[object]:
        found: list[object] = await self.page.evaluate(f"globalThis.told.{name}")
        return found


async def join(pages: Pages, relay: Relay, room: str, name: str) -> Person:
    context = await pages.context()
    page = await pages.open(f"{relay.http}/audio", context)  # any page of this origin
    await page.evaluate(_JOIN, [room, name])
    return Person(page, context, name)


@pytest.fixture
async def people(pages: Pages, relay: Relay, room: str) -> AsyncIterator[tuple[Person, Person]]:
    yield await join(pages, relay, room, "alice"), await join(pages, relay, room, "bob")


async def settle(alice: Person, bob: Person) -> None:
    await asyncio.gather(alice.has_sent(), bob.has_sent(), alice.hears(bob), bob.hears(alice))
    for person in (alice, bob):
        assert await person.told("gaps") == await person.told("unknown") == []


async def test_page_without_network_for_5_s(people: tuple[Person, Person]) -> None:
    """What both say meanwhile arrives, once."""
    alice, bob = people
    await alice.say(10)
    await bob.say(10)
    await alice.context.set_offline(True)
    await alice.say(10)
    for _ in range(10):
        await bob.say(1)
        await asyncio.sleep(0.5)  # it is this long
    await alice.context.set_offline(False)
    await alice.say(10)
    await settle(alice, bob)


async def test_page_that_sleeps(people: tuple[Person, Person]) -> None:
    """Frozen, as a page in the background of a phone."""
    alice, bob = people
    session = await bob.context.new_cdp_session(bob.page)
    await bob.say(10)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    for _ in range(5):
        await alice.say(10)
        await alice.has_sent()
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await bob.say(10)
    await settle(alice, bob)


async def test_relay_that_hands_over(pages: Pages, tmp_path: Path, room: str) -> None:
    """Nobody notices: no state changes."""
    async with succession(tmp_path) as relays:
        alice = await join(pages, relays.relay, room, "alice")
        bob = await join(pages, relays.relay, room, "bob")
        await alice.say(10)
        handover_task = asyncio.create_task(relays.next())
        while not handover_task.done():
            await alice.say(1)
            await bob.say(1)
            await asyncio.sleep(0.05)
        await handover_task
        await bob.say(10)
        await settle(alice, bob)
        for person in (alice, bob):
            assert await person.told("states") == ["connecting", "open"]


async def test_relay_that_restarts(
    pages: Pages, start_relay: StartRelay, port: str, room: str
) -> None:
    """Its memory is gone, and so it is told: a gap. What was not sent yet arrives."""
    relay = await start_relay(PORT=port)
    alice = await join(pages, relay, room, "alice")
    bob = await join(pages, relay, room, "bob")
    await alice.say(10)
    await asyncio.gather(alice.has_sent(), bob.hears(alice))
    await relay.stop(signal.SIGKILL)
    for person in (alice, bob):
        await person.page.wait_for_function("() => globalThis.relay.state !== 'open'")
    await alice.say(10)
    again = await start_relay(PORT=port)
    await again.count(room, 2)
    for person in (alice, bob):
        await person.page.wait_for_function("() => globalThis.told.gaps.length === 1")
        assert await person.told("gaps") == [None]
    await alice.has_sent()
    await alice.say(1)
    await bob.page.wait_for_function(
        "last => globalThis.told.heard.at(-1) === last", arg=alice.said[-1]
    )
    # Alice may have come back first, and sent some before Bob was there: his gap says so.
    heard = await bob.told("heard")
    missed = len(alice.said) - len(heard)
    assert heard == alice.said[:10] + alice.said[10 + missed :]


async def test_connection_that_died_silently_is_replaced(
    pages: Pages, relay: Relay, room: str
) -> None:
    """When somebody comes back to the page it is asked, and does not answer."""
    async with Proxy.open(relay.port) as proxy, relay.connect("bob", room=room) as bob:
        page = await pages.open(f"{relay.http}/audio")
        await page.evaluate(_JOIN.replace('"/"', f'"{proxy.url}"'), [room, "alice"])
        proxy.stall()
        await bob.send("meanwhile")
        await page.evaluate("() => { globalThis.say('from alice') }")
        await page.evaluate("() => { globalThis.dispatchEvent(new Event('pageshow')) }")
        await page.wait_for_function("() => globalThis.told.states.at(-1) !== 'open'")
        proxy.cut()
        proxy.flow()
        assert await bob.recv() == "from alice"
        await page.wait_for_function("() => globalThis.told.held.length === 1")
        await page.wait_for_function("() => globalThis.told.heard.length === 1")
        assert await page.evaluate("globalThis.told.gaps") == []
