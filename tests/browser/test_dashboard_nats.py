"""The dashboard of a relay that shares its rooms with others."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import Pages
from tests.browser.tools import MODULES
from tests.conftest import StartRelay
from tests.nats.server import NatsServer, need
from tests.process import Relay


async def test_nats_and_the_other_relays_are_shown(
    pages: Pages, start_relay: StartRelay, node: str, tmp_path: Path
) -> None:
    """Also that NATS is away, and when it is back."""
    need()
    async with NatsServer(tmp_path / "store") as server:
        one, two = [await start_relay(NATS_URL=server.url) for _ in range(2)]
        page = await pages.open(f"{one.http}/dashboard")
        section = page.get_by_role("region", name="NATS", exact=True)
        figures, rows = section.locator("dd"), section.locator("tbody tr")
        await expect(figures.nth(0)).to_have_text("up")
        async with one.connect("alice") as alice, two.connect("bob") as bob, two.connect("carol"):
            await expect(rows).to_have_count(2)
            await expect(rows.nth(0)).to_have_text(re.compile(r"^[0-9a-f]{12} this one1$"))
            await expect(rows.nth(1)).to_have_text(re.compile(r"^[0-9a-f]{12}2$"))
            await alice.send("hi")
            assert await bob.recv() == "hi"
            for at in (1, 2):  # p50 and p99
                await expect(figures.nth(at)).to_have_text(re.compile(r"^[0-9]*[.1-9][0-9]* ms$"))
            await expect(figures.nth(3)).to_have_text("0")
            inside = await pages.open(f"{one.http}/dashboard/room?room=lobby")
            members = inside.locator("#members tr")
            await expect(members).to_have_count(3)
            await expect(members.nth(0)).to_contain_text("aliceraw")
            await expect(members.nth(1)).to_contain_text("bobat another relay")
            await bob.send("hi yourself")
            await expect(inside.locator("#messages")).to_contain_text("hi yourself")
            await page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text())
            assert (await page.evaluate("axe.run()"))["violations"] == []
            await server.stop()
            await expect(figures.nth(0)).to_have_text("away")
            status = page.get_by_role("status")
            await expect(status).to_contain_text("The relay cannot reach NATS.")
            await server.start()
            await expect(figures.nth(0)).to_have_text("up")
            await expect(status).to_contain_text("The relay is up.")
    assert pages.errors == []


async def test_a_relay_alone_shows_and_loads_nothing_of_it(pages: Pages, relay: Relay) -> None:
    """No section, and no script for it."""
    page = await (await pages.context()).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{relay.http}/dashboard")
    await expect(page.get_by_role("status")).to_contain_text("The relay is up.")
    await expect(page.get_by_role("region", name="NATS", exact=True)).to_have_count(0)
    assert not [url for url in asked if "nats" in url]
