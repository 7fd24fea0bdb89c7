"""A page that stays open, in a real browser, while one relay takes over from another."""

import asyncio

from playwright.async_api import ConsoleMessage, WebSocket, expect

from tests.browser.tools import PATIENCE, LaunchBrowser, launch_browser  # noqa: F401
from tests.lab.engine import run
from tests.lab.waiting import until
from tests.stack.conftest import RunStack
from tests.stack.swarm import connected, is_healthy, start_beside

expect.set_options(timeout=PATIENCE)


async def test_a_page_stays_open_and_sees_nothing_of_it(
    run_stack: RunStack,
    launch_browser: LaunchBrowser,  # noqa: F811
) -> None:
    """By TLS, beside 200 clients; the old container is removed. It opens no WebSocket anew."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    browser = await launch_browser(f"--host-resolver-rules=MAP localhost {stack.address}")
    context = await browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    sockets: list[WebSocket] = []
    wrong: list[str] = []
    page.on("websocket", lambda opened: sockets.append(opened))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    async with connected(stack) as swarm, stack.connect("bob", room="kitchen") as bob:
        await page.goto("https://localhost/?room=kitchen")
        await expect(page.get_by_role("status")).to_contain_text("Connected: in room kitchen")
        await bob.send("before")
        await expect(page.locator(".text")).to_have_text(["before"])
        new = await asyncio.to_thread(start_beside, stack, old)
        await asyncio.to_thread(until, lambda: is_healthy(stack, new), "the new relay is healthy")
        await asyncio.to_thread(run, "docker", "stop", old)
        await asyncio.to_thread(run, "docker", "rm", old)
        await bob.send("after")
        await expect(page.locator(".text")).to_have_text(["before", "after"])
        await expect(page.get_by_role("status")).to_contain_text("Connected: in room kitchen")
        await page.get_by_label("Message", exact=True).fill("still here")
        await page.keyboard.press("Enter")
        assert await bob.recv() == "still here"
        await swarm.hush()
        figures = swarm.figures()
    assert len(sockets) == 2  # the room, and the cursors in it
    assert not any(each.is_closed() for each in sockets)
    assert wrong == []
    assert (figures["closes"], figures["failure"]) == ({}, "")


def _is_wrong(said: ConsoleMessage) -> bool:
    """Other tests make and remove networks: Chromium then drops what it loads."""
    return said.type == "error" and "ERR_NETWORK_CHANGED" not in said.text
