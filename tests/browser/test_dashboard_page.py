"""The dashboard under load, and without a relay; what an operator asks of it."""

import asyncio
import json
import re

from playwright.async_api import Page, Route, expect
from websockets.asyncio.client import ClientConnection

from relay.member.ending import begin_ending, describe_end
from relay.wire.closing import Close, Reason
from tests.browser.conftest import Pages
from tests.browser.tools import HERE, PATIENCE, RunNode
from tests.conftest import StartRelay
from tests.process import Relay
from tests.relay.sockets.tokens import SECRET, token


async def figure(page: Page, title: str) -> str:
    tile = page.locator(".tile", has=page.get_by_role("heading", name=title, exact=True))
    return await tile.locator(".figure strong").inner_text()


async def ink(page: Page, title: str) -> str:
    """Return the pixels of a chart."""
    tile = page.locator(".tile", has=page.get_by_role("heading", name=title, exact=True))
    drawn: str = await tile.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return drawn


async def until_above(page: Page, title: str, least: float) -> None:
    async with asyncio.timeout(PATIENCE / 1000):
        text = ""
        while not text[:1].isdigit() or float(text.split()[0]) < least:
            await asyncio.sleep(0.1)
            text = await figure(page, title)


async def test_figures_and_charts_move_under_load_and_survive_a_restart(
    pages: Pages, start_relay: StartRelay, port: str
) -> None:
    """While the relay is away the page says so; then it goes on by itself."""
    relay = await start_relay(RELEASE_COMMIT="8f3c1e07a2b4", DRAIN_WINDOW="0s", PORT=port)
    page = await pages.open(f"{relay.http}/dashboard")
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await expect(page.get_by_text("(8f3c1e07a2)")).to_be_visible()
    before = await ink(page, "Deliveries")
    async with (
        relay.connect("alice") as alice,
        relay.connect("bob") as bob,
        relay.connect("carol") as carol,
    ):

        async def talk() -> None:
            while True:
                await alice.send("x" * 100)
                await asyncio.sleep(0.01)

        async def listen(member: ClientConnection) -> None:
            async for _ in member:
                pass

        tasks = [asyncio.create_task(task) for task in (talk(), listen(bob), listen(carol))]
        await until_above(page, "Deliveries", 2)
        await until_above(page, "Messages in", 1)
        await until_above(page, "Connections", 3)
        await until_above(page, "Deliveries per batch", 2)
        assert await ink(page, "Deliveries") != before
        for task in tasks:
            task.cancel()
    await expect(page.get_by_role("row", name="left the client said goodbye 3")).to_be_visible()
    assert pages.errors == []

    await relay.stop()
    said = "The relay cannot be reached. It does not answer."
    await expect(page.get_by_role("status")).to_contain_text(said)
    await start_relay(PORT=port)
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await expect(page.locator(".is-stale")).to_have_count(0)
    await expect(page.locator("#closed")).to_contain_text("None so far.")


async def test_it_starts_with_a_minute_and_offers_more(pages: Pages, relay: Relay) -> None:
    """The charts show what is chosen."""
    page = await pages.open(f"{relay.http}/dashboard")
    await expect(page.get_by_label("1 minute", exact=True)).to_be_checked()
    await until_above(page, "Connections", 0)
    before = await ink(page, "Memory")
    await page.get_by_label("10 minutes").check(force=True)
    await expect(page.get_by_label("10 minutes")).to_be_checked()
    assert await ink(page, "Memory") != before


async def test_values_are_read_by_pointer_and_by_keyboard(pages: Pages, relay: Relay) -> None:
    """All tiles show the same moment; Escape goes back to now."""
    page = await pages.open(f"{relay.http}/dashboard")
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await until_above(page, "Connections", 0)
    await page.wait_for_function("() => document.querySelector('.chart').ariaValueMax > 2")
    readout = page.locator("#readout")
    await expect(readout).to_contain_text("Point at a chart")
    chart = page.get_by_role("slider", name="Memory over time")
    box = await chart.locator(".u-over").bounding_box()
    assert box is not None
    await chart.locator(".u-over").hover(position={"x": box["width"] - 2, "y": 20})
    await expect(readout).to_have_text(re.compile(r"Values at \d\d:\d\d:\d\d\."))
    await page.mouse.move(5, 5)
    await expect(readout).to_contain_text("Point at a chart")
    await chart.focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(readout).to_have_text(re.compile(r"Values at"))
    await expect(chart).to_have_attribute("aria-valuetext", re.compile(r"MB .* at \d\d:\d\d"))
    await page.keyboard.press("Escape")
    await expect(readout).to_contain_text("Point at a chart")


async def test_refusals_limits_and_a_late_loop_are_shown(pages: Pages, relay: Relay) -> None:
    """Refused handshakes by status; colour and a word where a figure is bad."""
    page = await pages.open(f"{relay.http}/dashboard")
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await relay.get("/ws/a%2Fb")
    row = page.locator("#refused").get_by_role("row", name="400 a name, an option")
    await expect(row).to_be_visible()
    for title in ("CPU", "Memory"):
        tile = page.locator(".tile", has=page.get_by_role("heading", name=title, exact=True))
        await expect(tile.locator(".keys")).to_contain_text("limit ")
    await page.route("**/live*", _late)
    tile = page.locator(".tile", has=page.get_by_role("heading", name="Event-loop delay"))
    await expect(tile).to_have_attribute("data-level", "too high")
    await expect(tile.locator(".level-word")).to_have_text("too high")
    await page.unroute_all(behavior="wait")


async def _late(route: Route) -> None:
    """Let the relay say that its loop is half a second late."""
    answer = await route.fetch()
    live = await answer.json()
    for sample in live["samples"]:
        sample[live["fields"].index("loop_delay")] = 0.5
    await route.fulfill(response=answer, body=json.dumps(live))


async def test_rooms_are_listed_with_what_passes_through_them(
    pages: Pages, relay: Relay, room: str
) -> None:
    """And each leads to its page."""
    page = await pages.open(f"{relay.http}/dashboard")
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:

        async def talk() -> None:
            while True:
                await alice.send('{"temperature":21.5}')
                await bob.recv()
                await asyncio.sleep(0.05)

        talk_task = asyncio.create_task(talk())
        row = page.locator("#rooms tr", has=page.get_by_role("link", name=room, exact=True))
        await expect(row.locator("td").nth(1)).to_have_text("2")
        await expect(row.locator("td").nth(2)).to_have_text(re.compile(r"^[\d.]+/s$"))
        await expect(row).to_contain_text("flowing")
        await expect(row.locator("polyline")).to_have_attribute("points", re.compile(r"\d"))
        link = await row.get_by_role("link").element_handle()
        points = await row.locator("polyline").get_attribute("points") or ""
        await expect(row.locator("polyline")).not_to_have_attribute("points", points)
        assert await link.evaluate("link => link.isConnected")  # no click on it is lost
        await row.get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(room)
        await expect(page.locator("#members tr")).to_have_count(2)
        await expect(page.locator("#members")).to_contain_text("alice")
        first = page.locator("#messages li").first
        await expect(first).to_contain_text('{"temperature":21.5}')
        await page.get_by_role("button", name="Pause").click()
        await first.locator("summary").click()
        await expect(first.locator("pre")).to_have_text('{\n  "temperature": 21.5\n}')
        talk_task.cancel()
    assert pages.errors == []


async def test_a_room_can_be_tried_and_its_messages_read(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Bytes as hexadecimal; the page itself is no member."""
    async with relay.connect("alice", room=room) as alice:
        page = await pages.open(f"{relay.http}/dashboard/room?room={room}")
        await page.get_by_label("Test message").fill("is anybody there?")
        await page.get_by_role("button", name="Send a test message").click()
        await expect(page.locator("#sent")).to_have_text("Sent to 1 member.")
        assert await alice.recv() == "is anybody there?"
        await expect(page.locator("#messages li")).to_contain_text("published by POST")
        await alice.send(bytes(range(60, 80)))
        item = page.locator("#messages li").first
        await expect(item).to_contain_text("binary, 20 B")
        await item.locator("summary").click()
        await expect(item.locator("pre")).to_contain_text("0000  3c 3d 3e")
        await expect(item.locator("pre")).to_contain_text("<=>?@ABC")
        await expect(page.locator("#count")).to_have_text("1")
    await expect(page.locator("#ended")).to_contain_text("alice")
    await expect(page.locator("#ended")).to_contain_text("1000 goodbye")


async def test_nothing_of_a_room_is_shown_without_a_token(
    pages: Pages, start_relay: StartRelay
) -> None:
    """An administrator's shows all, and disconnects; one for the room shows who is in it."""
    relay = await start_relay(JWT_SECRET=SECRET)
    async with relay.connect("alice", room="den", token=token("alice", "den")) as alice:
        await alice.send("secret")
        page = await pages.open(f"{relay.http}/dashboard")
        await expect(page.locator("#rooms")).to_contain_text("Enter a token")
        await expect(page.get_by_role("link", name="den")).to_have_count(0)
        await page.get_by_label("Token", exact=True).fill(token("bob", "den"))
        await page.get_by_role("link", name="den").click()
        await expect(page.locator("#members")).to_contain_text("alice")
        said = "Not shown: token does not have the claim admin."
        await expect(page.locator("#messages-note")).to_have_text(said)
        await page.get_by_role("button", name="Disconnect alice").click()
        await expect(page.get_by_role("alert")).to_have_text(
            "Not disconnected: token does not have the claim admin."
        )
        await page.get_by_label("Token", exact=True).fill(token("root", "den", admin=True))
        await expect(page.locator("#messages")).to_contain_text("secret")
        await page.get_by_role("button", name="Disconnect alice").click()
        await expect(page.locator("#ended")).to_contain_text("4403 disconnected")
        await expect(page.locator("#members")).to_contain_text("Nobody is in it.")


async def test_every_reason_and_status_has_a_meaning(run_node: RunNode) -> None:
    """The tables say in words what the catalogue says in names."""
    tiles = (HERE.parent.parent / "relay/static/dashboard/tiles.js").as_uri()
    script = f"import('{tiles}').then((m) => console.log(JSON.stringify(m.MEANINGS)))"
    _, output = await run_node("-e", script)
    ends = {describe_end(None, 0, "").reason}
    for reason in Reason:
        ending = begin_ending(Close(reason, ""), 0, 0)
        ends |= {describe_end(ending, unsent, "").reason for unsent in (0, 1)}
    assert set(json.loads(output)) == ends
