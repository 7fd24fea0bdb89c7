"""What all pages promise: accessible, light, strict, and nothing from elsewhere."""

import asyncio
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict
from playwright.async_api import Route, ViewportSize, expect

from tests.browser.conftest import Pages
from tests.browser.tools import MODULES, PATIENCE
from tests.process import Relay

# And what its state says as soon as its scripts have run; None: it has none.
PAGES = {
    "/": "Connected: ",
    "/audio": "Not connected yet.",
    "/dashboard": "The relay is up.",
    "/dashboard/room?room=den": "The relay answers.",
    "/docs": None,
}
PATHS = tuple(PAGES)
SMALL = ViewportSize(width=320, height=640)
PHONE, WIDE = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=860)


@pytest.mark.parametrize("path", PATHS)
async def test_axe_finds_no_violation(pages: Pages, relay: Relay, node: str, path: str) -> None:
    """Light and dark, phone and wide, at once and with what its scripts have filled in."""
    axe = (MODULES / "axe-core" / "axe.min.js").read_text()
    for scheme, size in (("light", WIDE), ("dark", PHONE), ("light", SMALL)):
        # No colour is on its way to another one.
        context = await pages.context(color_scheme=scheme, viewport=size, reduced_motion="reduce")
        page = await pages.open(relay.http + path, context)
        found = []
        for step in range(2):
            await page.evaluate(axe)
            result = await page.evaluate("axe.run()")
            found += [
                (rule["id"], [place["html"] for place in rule["nodes"]])
                for rule in result["violations"]
            ]
            said = PAGES[path]
            if said is None:
                break
            if step == 0:
                if path == "/audio":
                    await page.get_by_role("button", name="Join").click()
                    said = "Connected: "
                await expect(page.locator("#state")).to_contain_text(said)
        assert found == []
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{path} scrolls sideways by {wider} px at {size}"
        await context.close()


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_small_quiet_and_asks_nobody_else(
    pages: Pages, relay: Relay, path: str
) -> None:
    """Below 120 KB without the samples; no console error; one origin; nothing refused by CSP."""
    context = await pages.context()
    page = await context.new_page()
    sizes: dict[str, int] = {}
    finished = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.on("console", lambda said: pages.errors.append(said.text))
    page.on("pageerror", lambda error: pages.errors.append(str(error)))
    await page.goto(relay.http + path)  # returns when all that it names is there
    if (said := PAGES[path]) is not None:
        await expect(page.locator("#state")).to_contain_text(said)
    for request in finished:
        if not urlsplit(request.url).path.startswith(("/live", "/health", "/rooms")):
            sizes[request.url] = (await request.sizes())["responseBodySize"]
    assert len(sizes) >= (3 if path == "/docs" else 5)
    assert sum(sizes.values()) < 120_000, sizes
    assert {urlsplit(url).netloc for url in sizes} == {urlsplit(relay.http).netloc}
    assert pages.errors == []


@pytest.mark.parametrize("path", [path for path, said in PAGES.items() if said is not None])
async def test_a_page_that_lost_a_script_is_loaded_again(
    pages: Pages, relay: Relay, path: str
) -> None:
    """The network failed while it arrived: otherwise it does nothing, and says nothing of it."""
    context = await pages.context()
    asked = 0
    is_asked_again = asyncio.Event()

    async def fail_once(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await route.abort("internetdisconnected")
        else:
            is_asked_again.set()
            await route.continue_()

    await context.route("**/shared/state.js", fail_once)
    await context.route("**/shared/units.js", fail_once)
    page = await context.new_page()
    await page.goto(relay.http + path)
    async with asyncio.timeout(PATIENCE / 1000):
        await is_asked_again.wait()
    await expect(page.locator("#state")).to_contain_text(PAGES[path] or "")
    async with asyncio.timeout(PATIENCE / 1000):
        while await page.evaluate("history.state") is not None:
            await asyncio.sleep(0.05)


async def test_a_page_whose_scripts_never_come_says_so(pages: Pages, relay: Relay) -> None:
    """It tries a few times, then it asks for a reload."""
    context = await pages.context()
    page = await context.new_page()
    await page.route("**/landing/form.js", lambda route: route.abort())
    await page.clock.install()
    loads: list[str] = []
    page.on("load", lambda each: loads.append(each.url))
    await page.goto(relay.http)
    for times in range(1, 4):
        await expect(page.locator("#state")).to_have_text(
            "Parts of this page did not load. Loading it again."
        )
        async with page.expect_event("load"):
            await page.clock.run_for(times * 1000)
    await expect(page.locator("#state")).to_have_text("Parts of this page did not load. Reload it.")
    await page.clock.run_for(60_000)
    assert len(loads) == 4


@pytest.mark.parametrize("path", PATHS)
async def test_the_words_are_there_without_javascript(
    pages: Pages, relay: Relay, path: str
) -> None:
    """The first paint waits for no script."""
    page = await pages.open(relay.http + path, await pages.context(java_script_enabled=False))
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    if path != "/docs":  # it has no script
        await expect(page.locator("noscript p")).to_be_visible()


async def test_everything_can_be_reached_and_done_by_keyboard(
    pages: Pages, relay: Relay, room: str
) -> None:
    """From the skip link to a message that is sent."""
    page = await pages.open(f"{relay.http}/?room={room}")
    await expect(page.get_by_role("status")).to_contain_text("Connected: ")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the room")).to_be_focused()
    seen = []
    for _ in range(30):
        await page.keyboard.press("Tab")
        name = await page.evaluate("document.activeElement.id")
        seen.append(name)
        if name == "text":
            break
    assert seen[-1] == "text", seen
    await page.keyboard.type("typed only")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.own .text")).to_have_text("typed only")


async def test_headers_are_strict_and_files_are_cached(relay: Relay) -> None:
    """No inline script or style, and 304 for what the browser has."""
    status, headers = await _head(relay, "/")
    policy = headers["Content-Security-Policy"]
    assert status == 200
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "microphone=()" in headers["Permissions-Policy"]
    assert "microphone=(self)" in (await _head(relay, "/audio"))[1]["Permissions-Policy"]
    status, headers = await _head(relay, "/static/relay-client.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    again = await _head(relay, "/static/relay-client.js", {"If-None-Match": headers["ETag"]})
    assert again[0] == 304
    for path in ("/static/nothing.js", "/static/../app.py", "/static/index.html"):
        assert (await _head(relay, path))[0] == 404, path


async def _head(
    relay: Relay, path: str, headers: dict[str, str] | None = None
) -> tuple[int, CIMultiDict[str]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    lines = [f"GET {path} HTTP/1.1", "Host: relay", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = (await reader.read()).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    writer.close()
    await writer.wait_closed()
    found = CIMultiDict(line.partition(": ")[::2] for line in answer[1:])
    return int(answer[0].split()[1]), found
