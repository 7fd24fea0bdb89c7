"""The pages and the client in Firefox, its network cut and stalled; test_sound.py has the audio."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from tests.browser.firefox import Firefox, Tab, require
from tests.clients.proxy import Proxy
from tests.conftest import StartRelay
from tests.process import Relay

_CONNECTED = "document.querySelector('#state').textContent.startsWith('Connected: ')"
_JOIN = """(async () => {
  const { RelayClient } = await import("/static/relay-client.js");
  const relay = new RelayClient("/", { room: "%s", user: "firefox" });
  self.told = { heard: [], held: 0, gaps: 0, lost: 0, states: [] };
  relay.on("message", ({ data }) => told.heard.push(data));
  relay.on("gap", () => told.gaps++);
  relay.on("state", ({ state }) => told.states.push(state));
  self.say = (text) => relay.send(text).then(() => told.held++, () => told.lost++);
  await relay.opened;
  return true;
})()"""


@pytest_asyncio.fixture(scope="module")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with Firefox.start(require(), tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


async def test_network_that_is_cut_and_stalled_loses_and_repeats_nothing(
    firefox: Firefox, relay: Relay, room: str
) -> None:
    """In both directions; what silence hides is found out by asking."""
    async with (
        Proxy.open(relay.port) as proxy,
        relay.connect("bob", room=room) as bob,
        asyncio.TaskGroup() as tasks,
    ):
        # All the time: a client whose queue is full answers no ping.
        heard = tasks.create_task(_take(bob, 50))
        tab = await firefox.tab(f"{proxy.url}/docs")
        assert await tab.run(_JOIN % room)
        said: list[str] = []

        async def both(count: int) -> None:
            for _ in range(count):
                said.append(f"from bob {len(said)}")
                await bob.send(said[-1])
                await tab.run(f"void say('from firefox {len(said) - 1}')")

        await both(10)
        proxy.cut()
        await both(10)
        proxy.stall()
        await both(10)
        proxy.cut()
        proxy.flow()
        await both(10)
        await tab.until("told.states.at(-1) === 'open'")
        proxy.stall()
        await both(10)
        await tab.until("told.states.at(-1) !== 'open'")  # it was asked, and did not answer
        proxy.cut()
        proxy.flow()
        await tab.until(f"told.heard.length >= {len(said)} && told.held >= {len(said)}")
        assert await heard == [f"from firefox {index}" for index in range(len(said))]
        told = await tab.run("told")
        assert told["heard"] == said
        assert (told["gaps"], told["lost"], told["held"]) == (0, 0, len(said))


async def _take(member: ClientConnection, count: int) -> list[str]:
    return [str(await member.recv()) for _ in range(count)]


async def test_two_people_talk_in_the_room(firefox: Firefox, relay: Relay, room: str) -> None:
    """Who is here, who said it, and that the relay has it."""
    alice, bob = (
        await _enter(firefox, relay, room, "alice"),
        await _enter(firefox, relay, room, "bob"),
    )
    for tab in (alice, bob):
        await tab.until("document.querySelectorAll('#members .name').length === 2")
        await tab.until("/^[0-9.]+ ms$/.test(document.querySelector('#delay').textContent)")
    await alice.fill("#text", "is the soup on?")
    await alice.click("#send")
    await bob.until("document.querySelector('.text')?.textContent === 'is the soup on?'")
    assert await bob.text(".who strong") == "alice"
    await alice.until("document.querySelectorAll('.message.own:not(.unsure)').length === 1")


async def _enter(firefox: Firefox, relay: Relay, room: str, user: str) -> Tab:
    tab = await firefox.tab(f"{relay.http}/?room={room}")
    await tab.until(_CONNECTED)
    await tab.fill("#user", user)
    await tab.click("#enter")
    await tab.until(f"document.querySelector('#state').textContent.endsWith('as {user}.')")
    return tab


async def test_dashboard_draws_and_comes_back(
    firefox: Firefox, start_relay: StartRelay, port: str
) -> None:
    """Figures move, rooms are listed, and a restart is told."""
    relay = await start_relay(DRAIN_WINDOW="0s", PORT=port)
    tab = await firefox.tab(f"{relay.http}/dashboard")
    async with relay.connect("alice", room="den") as alice:
        await tab.until("document.querySelectorAll('.tile canvas').length === 9")
        await tab.until("document.querySelector('#rooms a')?.textContent === 'den'")

        async def talk() -> None:
            while True:
                await alice.send("x")
                await asyncio.sleep(0.05)

        talk_task = asyncio.create_task(talk())
        shown = "document.querySelectorAll('.tile .figure strong')[1].textContent"
        await tab.until(f"parseFloat({shown}) > 0")
        talk_task.cancel()
    await relay.stop()
    await tab.until("document.querySelector('#state').textContent.includes('cannot be reached')")
    await start_relay(PORT=port)
    await tab.until("document.querySelector('#state').textContent.includes('is up')")
