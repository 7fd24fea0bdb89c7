"""The code in the documents runs as it stands there, with the address of a relay that runs."""

import asyncio
import json
import re
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from playwright.async_api import ConsoleMessage
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.browser.tools import LaunchBrowser
from tests.conftest import StartRelay
from tests.examples.test_examples import running
from tests.process import ROOT, Relay

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECRET = "0123456789abcdef0123456789abcdef"
# Which ones this module runs; those about the load tester are run by tests/wsload, the proxies' by
# tests/stack, and what is in `examples/` and on the landing page by tests of its own.
_HERE = {
    "docs/client.md": ["js", "html", "js"],
    "docs/protocol.md": ["python"],
    "clients/python/README.md": ["python"],
    "relay/static/README.md": ["js"],
    "wsload/README.md": ["python"],
}
_ELSEWHERE = {"docs/loadtest.md": ["python", "python", "python"]}


def blocks(document: str, *languages: str) -> list[str]:
    """Return the blocks of a document that are in these languages."""
    found = _BLOCK.findall((ROOT / document).read_text())
    return [code for language, code in found if language in languages]


def test_every_sample_is_run_by_a_test() -> None:
    """A new one is not forgotten."""
    documents = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    for folder in ("docs", "clients/python", "examples", "relay/static", "wsload"):
        documents += (ROOT / folder).rglob("*.md")
    written = {
        str(path.relative_to(ROOT)): languages
        for path in documents
        if (
            languages := [
                language
                for language, _ in _BLOCK.findall(path.read_text())
                if language in ("js", "html", "python", "ts")
            ]
        )
        and "vendor" not in path.parts
    }
    assert written == _HERE | _ELSEWHERE


async def _open(
    launch_browser: LaunchBrowser, relay: Relay, file: Path, *scripts: str
) -> asyncio.Queue[str]:
    """Open a file with these scripts; return what it says on the console."""
    text = "\n".join(("<!doctype html>", *scripts))
    await asyncio.to_thread(file.write_text, text.replace("https://relay.example", relay.http))
    said: asyncio.Queue[str] = asyncio.Queue()
    page = await (await launch_browser()).new_page()

    def note(message: ConsoleMessage) -> None:
        said.put_nowait(message.text)

    page.on("console", note)
    await page.goto(file.as_uri())
    return said


async def _until(said: asyncio.Queue[str], text: str) -> None:
    while await said.get() != text:
        pass


async def test_module_in_a_page(
    start_relay: StartRelay, launch_browser: LaunchBrowser, tmp_path: Path
) -> None:
    """docs/client.md: it sends, prints who said what, and can be iterated over."""
    start, loop = blocks("docs/client.md", "js")
    relay = await start_relay()
    async with relay.connect("host") as host:
        script = f'<script type="module">{start}\n{loop}</script>'
        said = await _open(launch_browser, relay, tmp_path / "page.html", script)
        assert await host.recv() == "hello"
        await host.send("welcome")
        await _until(said, "open in room lobby as alice")
        for _ in range(2):  # the listener and the loop
            await _until(said, "host welcome")


async def test_classic_script_in_a_page(
    start_relay: StartRelay, launch_browser: LaunchBrowser, tmp_path: Path
) -> None:
    """docs/client.md: one line defines the names that are promised."""
    (line,) = blocks("docs/client.md", "html")
    relay = await start_relay()
    use = """<script>
      console.log([RelayClient, QueueFull, Undelivered].map((each) => typeof each).join());
      new RelayClient("https://relay.example").send("hello");
    </script>"""
    async with relay.connect("host") as host:
        said = await _open(launch_browser, relay, tmp_path / "page.html", line, use)
        await _until(said, "function,function,function")
        assert await host.recv() == "hello"


async def test_module_in_node(start_relay: StartRelay, node: str, tmp_path: Path) -> None:
    """relay/static/README.md: the package by its name; test_package.py installs it."""
    (code,) = blocks("relay/static/README.md", "js")
    relay = await start_relay()
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "relay-client").symlink_to(ROOT / "relay" / "static")
    script = tmp_path / "sample.mjs"
    script.write_text(code.replace("https://relay.example", relay.http))
    async with (
        relay.connect("host") as host,
        running(node, "--experimental-websocket", "--no-warnings", script) as output,
    ):
        assert await host.recv() == "hello"
        await host.send("welcome")
        assert (await output.readline()).decode() == "host welcome\n"


async def test_python_client(start_relay: StartRelay, tmp_path: Path) -> None:
    """clients/python/README.md."""
    (code,) = blocks("clients/python/README.md", "python")
    relay = await start_relay()
    script = tmp_path / "sample.py"
    script.write_text(code.replace("http://localhost:8080", relay.http))
    path = {"PYTHONPATH": str(ROOT / "clients" / "python")}
    async with (
        relay.connect("host") as host,
        running(sys.executable, "-u", script, **path) as output,
    ):
        assert await host.recv() == "hello"
        await host.send("welcome")
        sender, *at, data = (await output.readline()).decode().split()
        assert (sender, data) == ("host", "welcome")
        assert datetime.fromisoformat(" ".join(at)) < datetime.now(UTC) + timedelta(minutes=1)


async def test_token_by_a_library(start_relay: StartRelay) -> None:
    """docs/protocol.md: the relay takes it."""
    (code,) = blocks("docs/protocol.md", "python")
    relay = await start_relay(JWT_SECRET=_SECRET)
    token = eval(code, {"jwt": jwt, "time": time, "secret": _SECRET})
    async with relay.connect("alice", token=token) as alice:
        await alice.ping()


async def test_session_of_the_readme(start_relay: StartRelay) -> None:
    """README.md: what curl is told to do, and what it prints."""
    if not shutil.which("curl"):
        pytest.skip("curl is missing")
    relay = await start_relay()
    session = "".join(blocks("README.md", "console"))
    asked = re.findall(r"^\$ (curl .*)\n(.*)$", session, re.MULTILINE)
    assert len(asked) == 2
    async with relay.connect("alice", room="den") as alice:
        for command, shown in asked:
            address = command.replace("localhost:8080", f"127.0.0.1:{relay.port}")
            async with running("sh", "-c", address) as output:
                answer = json.loads(await output.read())
            whole, _, _ = shown.partition(',"version":')
            expected = json.loads(whole if whole.endswith("}") else whole + "}")
            assert answer | expected == answer
        assert await alice.recv() == "hello, den"


async def test_scenario_for_any_server(tmp_path: Path) -> None:
    """wsload/README.md: with the command below it, for less long, and against a server of ours."""
    (code,) = blocks("wsload/README.md", "python")
    command = blocks("wsload/README.md", "sh")[0].split()
    await asyncio.to_thread((tmp_path / "guest.py").write_text, code)
    async with serve(_welcome, "127.0.0.1", 0, subprotocols=[Subprotocol("chat.v1")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        changed = {"guest.py": str(tmp_path / "guest.py"), "100": "3", "50": "3", "1m": "5s"}
        changed["wss://example.org"] = f"ws://127.0.0.1:{port}"
        changed["request_p99=200"] = "request_p99=20000"
        assert changed.keys() < set(command)
        given = [changed.get(word, word) for word in command]
        env = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
        async with running(sys.executable, "-m", *given, "--report", "", **env) as output:
            assert "PASSED" in (await output.read()).decode()


async def _welcome(guest: ServerConnection) -> None:
    assert guest.request is not None
    assert guest.request.path == "/chat"
    async for message in guest:
        told = json.loads(message)
        await guest.send('{"type": "welcome"}' if "login" in told else str(message))
