"""Clients that nobody here wrote: npm's `ws` and Python's `websockets`, in one room."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

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
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=NODE, check=True, timeout=120)
    return "node"


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@pytest.mark.xdist_group("node")
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


@pytest.mark.xdist_group("node")
async def test_node_sees_why_it_is_refused_and_why_it_is_closed(
    relay: Relay, room: str, node: str
) -> None:
    """A name in use is 409; a takeover of the name is 4000."""
    async with relay.connect("node", room=room):
        process = await asyncio.create_subprocess_exec(
            node, "echo.js", relay.url("node", room=room), cwd=NODE, stdout=asyncio.subprocess.PIPE
        )
        assert await _line(process) == "refused 409"
        assert await process.wait() == 1


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
