"""The landing page in a crowd and in a flood."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect

from tests.browser.conftest import Pages
from tests.process import Relay

FLOOD = 600  # messages
PHONE = {"width": 320, "height": 700}
# Heard before the page hears of it, and in the same task.
_COUNT_FRAMES = """
  self.frames = new Set();
  self.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({ data }) => self.frames.add(data));
    }
  };
"""

# Done when the page, which has listened for longer, knows.
_SCROLL = """(view, top) => new Promise((done) => {
  view.addEventListener("scroll", done, { once: true });
  view.scrollTop = top;
}).then(() => {})"""


async def inside(pages: Pages, relay: Relay, room: str) -> Page:
    page = await pages.open(f"{relay.http}/?room={room}")
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    return page


async def test_sixty_members_are_eight_and_a_number(pages: Pages, relay: Relay, room: str) -> None:
    """The number shows the others; the page does not get wider, on a small phone either."""
    context = await pages.context(viewport=PHONE)
    page = await pages.open(f"{relay.http}/?room={room}", context)
    crowd = [await relay.connect(f"member {index:02}", room=room) for index in range(59)]
    await expect(page.locator("#here-title")).to_have_text("60 here")
    names = page.locator("#members .name")
    await expect(names).to_have_count(8)
    more = await page.get_by_role("button", name="Show 52 more names").element_handle()
    await page.get_by_role("button", name="Show 52 more names").click()
    await expect(names).to_have_count(60)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Show fewer names").click()
    await expect(names).to_have_count(8)
    assert await more.evaluate("button => button.isConnected")  # no click on it is lost
    for member in crowd:
        await member.close()


async def test_flood_costs_few_layouts_and_leaves_the_screen_reader_in_peace(
    pages: Pages, relay: Relay, room: str
) -> None:
    """Messages are drawn together; the latest are kept. The page's clock is held meanwhile."""
    context = await pages.context()
    await context.clock.install()
    await context.add_init_script(_COUNT_FRAMES)
    page = await pages.open(f"{relay.http}/?room={room}", context)
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def layouts() -> float:
        answer = await session.send("Performance.getMetrics")
        return float(
            next(each["value"] for each in answer["metrics"] if each["name"] == "LayoutCount")
        )

    log = page.get_by_role("log")
    await expect(log).to_have_attribute("aria-live", "polite")
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    before = await layouts()
    async with relay.connect("flood", room=room) as flood:
        for index in range(FLOOD):
            await flood.send(f"message {index}")
        await page.wait_for_function("last => self.frames.has(last)", arg=f"message {FLOOD - 1}")
        await expect(log).to_have_attribute("aria-live", "off")
        await page.clock.run_for(200)
        await expect(page.locator(".text").last).to_have_text(f"message {FLOOD - 1}")
    assert await layouts() - before < FLOOD / 10
    await expect(page.locator(".message")).to_have_count(300)
    await page.clock.run_for(2_000)
    await expect(log).to_have_attribute("aria-live", "polite")


async def test_who_reads_older_messages_is_not_carried_away(
    pages: Pages, relay: Relay, room: str
) -> None:
    """The number of new ones leads to the end."""
    page = await inside(pages, relay, room)
    log = page.get_by_role("log")
    async with relay.connect("bob", room=room) as bob:
        for index in range(50):
            await bob.send(f"old {index}")
        await expect(page.locator(".text").last).to_have_text("old 49")
        await expect(page.locator(".text").last).to_be_in_viewport()
        await log.evaluate(_SCROLL, 100)
        for index in range(20):
            await bob.send(f"new {index}")
        jump = page.get_by_role("button", name="20 new")
        await expect(jump).to_be_visible()
        assert await log.evaluate("view => view.scrollTop") == 100
        await jump.click()
        await expect(page.locator(".text").last).to_be_in_viewport()
        await expect(jump).to_be_hidden()


async def test_long_message_is_folded_and_can_be_copied(
    pages: Pages, relay: Relay, room: str
) -> None:
    """One of 1 MB does not bring the page down."""
    context = await pages.context()
    await context.clock.install()
    page = await pages.open(f"{relay.http}/?room={room}", context)
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    await page.evaluate("navigator.clipboard.writeText = async (text) => { self.copied = text }")
    async with relay.connect("bob", room=room) as bob:
        text = "long " * 200_000
        await bob.send(text)
        await expect(page.locator(".text")).to_have_text("long " * 80 + "…")
        # "Copied" goes away by itself: not before the clock is told to go on.
        await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        await page.get_by_role("log").get_by_role("button", name="Copy").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert await page.evaluate("self.copied") == text
        await page.clock.run_for(2_000)
        await expect(page.get_by_role("button", name="Copied")).to_have_count(0)
        await page.get_by_role("button", name="Show all 1 MB").click()
        assert len(await page.locator(".text").text_content() or "") == len(text)
        await page.get_by_role("button", name="Fold").click()
