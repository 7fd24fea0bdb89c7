"""Fixtures for tests of the relay's pages."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.tools import (  # noqa: F401
    ALLOW_MICROPHONE,
    FAKE_MICROPHONE,
    PATIENCE,
    LaunchBrowser,
    launch_browser,
    node,
    run_node,
)

expect.set_options(timeout=PATIENCE)


class Pages:
    """Opens pages, and notes what a page must not do."""

    def __init__(self, browser: Browser) -> None:
        self.errors: list[str] = []  # said on the console, or thrown
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def context(self, **options: Any) -> BrowserContext:
        """Return a browser without memory, as of a person of its own."""
        context = await self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        return context

    async def open(self, url: str, context: BrowserContext | None = None) -> Page:
        page = await (context or await self.context()).new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("requestfailed", lambda request: print(f"{request.url}: {request.failure}"))
        await page.goto(url)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()


@pytest_asyncio.fixture(scope="session")
async def browser(launch_browser: LaunchBrowser) -> Browser:  # noqa: F811
    """Chromium with a microphone that beeps and may be used."""
    return await launch_browser(ALLOW_MICROPHONE, FAKE_MICROPHONE)


@pytest_asyncio.fixture
async def pages(browser: Browser) -> AsyncIterator[Pages]:
    opened = Pages(browser)
    yield opened
    print(*opened.errors, sep="\n")  # where the test failed, they may say why
    await opened.close()
