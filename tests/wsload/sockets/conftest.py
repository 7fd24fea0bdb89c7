"""A browser to look at pages with, and a server that answers nonsense."""

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.wsload.servers.answering import Answering

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def answering() -> Iterator[Answering]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Answering(listener)
        listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        assert "CI" not in os.environ, "chromium is missing"
        pytest.skip("chromium is not installed: needed to look at pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails the test when something goes wrong in it, or leaves the file system."""
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
        ),
    )
    yield page
    context.close()
    assert wrong == []
