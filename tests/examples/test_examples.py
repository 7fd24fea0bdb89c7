"""Each example is run against a relay, and says and hears what it promises."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage, expect
from websockets.asyncio.client import ClientConnection

from tests.browser.tools import MODULES, PATIENCE, LaunchBrowser
from tests.conftest import StartRelay
from tests.process import ROOT, Relay

EXAMPLES = ROOT / "examples"
_PYTHON = {"PYTHONPATH": str(ROOT / "clients" / "python")}  # as if it were installed


def example(name: str, relay: Relay, folder: Path) -> Path:
    """Copy an example, with the address of this relay."""
    copy = folder / name
    text = (EXAMPLES / name).read_text()
    assert "localhost:8080" in text
    copy.write_text(text.replace("localhost:8080", f"127.0.0.1:{relay.port}"))
    return copy


@asynccontextmanager
async def running(*command: str | Path, **env: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run the command for as long as the context is open; yield what it prints."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, env={**os.environ, **env}
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


async def test_bot(start_relay: StartRelay, port: str, tmp_path: Path) -> None:
    """bot.py greets who comes and answers; also after the relay was restarted."""
    relay = await start_relay(DRAIN_WINDOW="0s", PORT=port)
    async with running(sys.executable, example("bot.py", relay, tmp_path), **_PYTHON):
        await relay.count("lobby", 1)
        async with relay.connect("alice") as alice:
            assert await alice.recv() == "welcome, alice"
            await alice.send("!count")
            assert await alice.recv() == "2 here"
        await relay.stop()
        again = await start_relay(PORT=port)
        await again.count("lobby", 1)
        async with again.connect("alice") as alice:
            assert await alice.recv() == "welcome, alice"
            await alice.send("!who")
            assert await alice.recv() == "alice, here are bot"


async def test_game(start_relay: StartRelay, tmp_path: Path) -> None:
    """game.py tells turn by turn where everybody is, and leaves out none."""
    relay = await start_relay()
    async with running(sys.executable, example("game.py", relay, tmp_path), **_PYTHON):
        await relay.count("game", 1)
        async with relay.connect("alice", room="game") as alice:
            for step in ("right", "right", "down", "dance"):
                await alice.send(step)
            turns = []
            while True:
                turn = json.loads(await alice.recv())
                turns.append(turn["turn"])
                if turn["places"].get("alice") == [2, 1]:
                    break
            assert turns == list(range(turns[0], turns[-1] + 1))


async def test_cursors(
    start_relay: StartRelay, launch_browser: LaunchBrowser, tmp_path: Path
) -> None:
    """cursors.html shows where the others point, and forgets who has gone."""
    relay = await start_relay(LEAVE_GRACE="100ms")
    url = example("cursors.html", relay, tmp_path).as_uri()
    browser = await launch_browser()
    one, other = await browser.new_page(), await browser.new_page()
    for page in (one, other):
        await page.set_viewport_size({"width": 1000, "height": 500})
        await page.goto(url)
    await relay.count("cursors", 2)
    await one.bring_to_front()
    cursor = other.locator("i")
    for x, y in ((250, 250), (500, 100)):
        seen_task = asyncio.create_task(
            expect(cursor).to_have_css("translate", f"{x}px {y}px", timeout=PATIENCE)
        )
        # The page may not be open yet, and a slow reader skips: a hand does not stop either.
        for step in cycle((1, 0)):
            await one.mouse.move(x, y + step)
            if (await asyncio.wait([seen_task], timeout=0.2))[0]:
                break
        await seen_task
    await one.close()
    await expect(cursor).to_have_count(0, timeout=PATIENCE)
