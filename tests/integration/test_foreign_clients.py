"""Clients that nobody here wrote: npm's `ws` and Python's `websockets`, in one room."""

import asyncio
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import StartRelay
from tests.process import Relay

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def node() -> str:
    """Install npm's `ws` from the lock file; skip where there is no Node, but never in CI."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail("node and npm are missing, and CI has to have them")
        pytest.skip("node or npm is missing: the `ws` client is not tested")
    lock, stamp = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # one of several test processes installs
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            done = subprocess.run(["npm", "ci", "--silent"], cwd=NODE, check=False, timeout=120)
            if done.returncode and not os.environ.get("CI"):
                pytest.skip("npm cannot install the `ws` client: it is not tested")
            assert done.returncode == 0
    return "node"


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_node_and_python_exchange_text_binary_and_ten_megabytes(
    relay: Relay, room: str, node: str
) -> None:
    """Each message goes from `websockets` to `ws` and back, unchanged."""
    url = relay.url("node", room=room)
    process = await asyncio.create_subprocess_exec(
        node, "echo.js", url, cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    assert await _line(process) == "open"
    async with relay.connect("python", room=room) as python:
        for message in ("grüße 😀", "", b"", b"\x00\xff", os.urandom(10_000_000), "x" * 1_000_000):
            await python.send(message)
            assert await python.recv() == message
        await python.send("stop")
        assert await _line(process) == "close 1000 goodbye"
    assert await process.wait() == 0


async def test_node_sees_why_it_is_refused(relay: Relay, room: str, node: str) -> None:
    """A name in use is 409."""
    async with relay.connect("node", room=room):
        process = await asyncio.create_subprocess_exec(
            node, "echo.js", relay.url("node", room=room), cwd=NODE, stdout=asyncio.subprocess.PIPE
        )
        assert await _line(process) == "refused 409"
        assert await process.wait() == 1


async def test_node_sees_why_it_is_closed(start_relay: StartRelay, node: str) -> None:
    """Code and text of a relay that restarts."""
    relay = await start_relay(DRAIN_WINDOW="0s")
    process = await asyncio.create_subprocess_exec(
        node, "echo.js", relay.url("node"), cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    assert await _line(process) == "open"
    assert await relay.stop() == 0
    assert await _line(process) == "close 1012 relay is restarting"
    assert await process.wait() == 0


async def test_python_clients_take_turns_with_ten_megabytes_each(relay: Relay, room: str) -> None:
    """Large messages of several senders arrive whole, at everybody else."""
    members = [await relay.connect(f"member-{index}", room=room) for index in range(4)]
    for sender in members:
        message = os.urandom(10_000_000)
        await sender.send(message)
        others = [member for member in members if member is not sender]
        assert await asyncio.gather(*(other.recv() for other in others)) == [message] * 3
    for member in members:
        await member.close()
