"""Each example is run against a relay, and says and hears what it promises."""

import asyncio
import html
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage
from websockets.asyncio.client import ClientConnection

from tests.browser.tools import MODULES, LaunchBrowser
from tests.conftest import StartRelay
from tests.process import ROOT, Relay

EXAMPLES = ROOT / "examples"


def example(name: str, relay: Relay, folder: Path) -> Path:
    """Copy an example, with the address of this relay."""
    copy = folder / name
    text = (EXAMPLES / name).read_text()
    assert "localhost:8080" in text
    copy.write_text(text.replace("localhost:8080", f"127.0.0.1:{relay.port}"))
    return copy


@asynccontextmanager
async def running(*command: str | Path) -> AsyncIterator[asyncio.StreamReader]:
    """Run the command for as long as the context is open; yield what it prints."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.stdout.read()


async def converse(member: ClientConnection, output: asyncio.StreamReader, greeting: str) -> None:
    """The example says hello, and prints the answer."""
    assert await member.recv() == greeting
    await member.send("welcome")
    assert (await output.readline()).decode().strip() == "welcome"


async def test_python(start_relay: StartRelay, tmp_path: Path) -> None:
    """hello.py, with the package websockets."""
    relay = await start_relay()
    async with (
        relay.connect("host") as host,
        running(sys.executable, "-u", example("hello.py", relay, tmp_path)) as output,
    ):
        await converse(host, output, "hello from Python")


async def test_node(start_relay: StartRelay, node: str, tmp_path: Path) -> None:
    """hello.mjs, with the package ws; it says why it was closed."""
    relay = await start_relay(DRAIN_WINDOW="0s")
    (tmp_path / "node_modules").symlink_to(MODULES)
    async with (
        relay.connect("host") as host,
        running(node, example("hello.mjs", relay, tmp_path)) as output,
    ):
        await converse(host, output, "hello from Node")
        await relay.stop()
        assert (await output.readline()).decode().strip() == "1012 relay is restarting"


async def test_browser(
    start_relay: StartRelay, launch_browser: LaunchBrowser, tmp_path: Path
) -> None:
    """hello.html, opened as a file: the client comes from the relay."""
    relay = await start_relay()
    said: asyncio.Queue[str] = asyncio.Queue()

    def note(message: ConsoleMessage) -> None:
        said.put_nowait(message.text)

    async with relay.connect("host") as host:
        page = await (await launch_browser()).new_page()
        page.on("console", note)
        await page.goto(example("hello.html", relay, tmp_path).as_uri())
        assert await host.recv() == "hello from JavaScript"
        await host.send("welcome")
        while await said.get() != "welcome":
            pass


async def test_shell(start_relay: StartRelay, tmp_path: Path) -> None:
    """hello.sh, with curl: it sends without a WebSocket."""
    if not shutil.which("curl"):
        pytest.skip("curl is missing")
    relay = await start_relay()
    async with (
        relay.connect("host") as host,
        running("sh", example("hello.sh", relay, tmp_path)) as output,
    ):
        assert await host.recv() == "hello from a shell"
        assert b'"members":1' in await output.read()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("hello.py", "python"),
        ("hello.mjs", "node"),
        ("hello.html", "javascript"),
        ("hello.sh", "shell"),
    ],
)
def test_the_landing_page_shows_the_same_lines(name: str, place: str) -> None:
    """What is shown to be copied is what was run."""
    page = (ROOT / "relay" / "static" / "index.html").read_text()
    shown = re.search(rf'<code id="{place}">(.*?)</code>', page, re.DOTALL)
    assert shown is not None
    assert html.unescape(shown[1]) in (EXAMPLES / name).read_text()
    assert len((EXAMPLES / name).read_text().splitlines()) <= 15
