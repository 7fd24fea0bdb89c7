"""Chromium, Node and npm for tests: skipped with a reason where missing, but never in CI."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests import npm
from tests.process import ROOT

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox",  # the tests may run as root, and open nothing but pages of ours
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 120_000  # ms for a condition to come about, on a machine that has much else to do
ALLOW_MICROPHONE = "--use-fake-ui-for-media-stream"
FAKE_MICROPHONE = "--use-fake-device-for-media-stream"  # which beeps

LaunchBrowser = Callable[..., Awaitable[Browser]]
RunNode = Callable[..., Awaitable[tuple[int, str]]]


def missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI has to have it")
    pytest.skip(f"{what} is missing")


@pytest_asyncio.fixture(scope="session")
async def launch_browser() -> AsyncIterator[LaunchBrowser]:
    """Return a function that starts Chromium; all are closed in the end of the session."""
    found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if found is None:
        missing("chromium")
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())

        async def launch(*arguments: str, **options: Any) -> Browser:
            browser = await playwright.chromium.launch(
                executable_path=found, args=[*_QUIET, *arguments], timeout=PATIENCE, **options
            )
            stack.push_async_callback(browser.close)
            return browser

        yield launch


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node's path, once what package-lock.json names is installed."""
    return npm.require(HERE)


@pytest.fixture
def run_node(node: str) -> RunNode:
    """Return a function that runs Node to its end: its exit code, and what it printed."""

    async def run(*arguments: str | Path) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            node,
            *map(str, arguments),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):  # what it started and has not ended, if anything
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        assert process.returncode is not None
        return process.returncode, output.decode()

    return run
