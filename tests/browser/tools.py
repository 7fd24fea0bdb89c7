"""Chromium, Node and npm for tests: skipped with a reason where missing, but never in CI."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

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
    "--use-fake-device-for-media-stream",  # a microphone that beeps
)
ALLOW_MICROPHONE = "--use-fake-ui-for-media-stream"

LaunchBrowser = Callable[..., Awaitable[Browser]]
RunNode = Callable[..., Awaitable[tuple[int, str]]]


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI has to have it")
    pytest.skip(f"{what} is missing")


@pytest_asyncio.fixture(scope="session")
async def launch_browser() -> AsyncIterator[LaunchBrowser]:
    """Return a function that starts Chromium; all are closed in the end of the session."""
    found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if found is None:
        _missing("chromium")
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())

        async def launch(*arguments: str) -> Browser:
            browser = await playwright.chromium.launch(
                executable_path=found, args=[*_QUIET, *arguments]
            )
            stack.push_async_callback(browser.close)
            return browser

        yield launch


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node's path, once what package-lock.json names is installed."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        _missing("node or npm")
    assert found is not None
    lock, stamp = HERE / "package-lock.json", MODULES / ".package-lock.json"
    with (HERE / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)  # several workers come here at once
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            command = ["npm", "ci", "--ignore-scripts", "--silent"]
            subprocess.run(command, cwd=HERE, check=True, timeout=120)
    return found


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
