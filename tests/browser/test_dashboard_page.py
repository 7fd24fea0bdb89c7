"""The dashboard under load, and without a relay."""

import asyncio

from playwright.async_api import Page, expect
from websockets.asyncio.client import ClientConnection

from tests.browser.conftest import Pages
from tests.browser.tools import PATIENCE
from tests.conftest import StartRelay


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
    pages: Pages, start_relay: StartRelay
) -> None:
    """While the relay is away the page says so; then it goes on by itself."""
    relay = await start_relay(RELEASE_COMMIT="8f3c1e07a2b4", DRAIN_WINDOW="0s")
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
        await until_above(page, "Deliveries", 20)
        await until_above(page, "Messages in", 10)
        await until_above(page, "Connections", 3)
        await until_above(page, "Deliveries per batch", 2)
        assert await ink(page, "Deliveries") != before
        for task in tasks:
            task.cancel()
    await expect(page.get_by_role("row", name="left the client said goodbye 3")).to_be_visible()
    assert pages.errors == []

    await relay.stop()
    await expect(page.get_by_role("status")).to_contain_text("The relay is away. It does not")
    await start_relay(PORT=str(relay.port))
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await expect(page.locator(".is-stale")).to_have_count(0)
    await expect(page.get_by_text("None so far.")).to_be_visible()
