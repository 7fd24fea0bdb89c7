"""A new relay that cannot take over, because of the old one: it serves in its place."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.lab import engine
from tests.lab.engine import ROOT, run
from tests.lab.stack import Stack
from tests.lab.waiting import until
from tests.stack.conftest import RunStack
from tests.stack.swarm import SIZE, connected, is_healthy, start_beside

_PAUSE = 0.02  # seconds between two handshakes


async def test_members_of_a_version_without_a_common_format_are_told_1012(
    run_stack: RunStack,
) -> None:
    """They come back to the new relay, and meanwhile no handshake fails."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    async with connected(stack) as swarm, _newcomers(stack) as count:
        _read_another_format(stack)
        new = await asyncio.to_thread(start_beside, stack, old)
        await asyncio.to_thread(until, lambda: is_healthy(stack, new), "the new relay is healthy")
        await swarm.back(1)
        before = count[0]
        await asyncio.to_thread(run, "docker", "stop", old)
        await asyncio.to_thread(until, lambda: count[0] > before, "others come after that")
        await swarm.hush()
        figures = swarm.figures()
    assert (figures["closes"], figures["failure"]) == ({"1012": SIZE}, "")
    # Some are lost: while the old relay drains, a room is served by both, each for its own.
    assert (figures["repeated"], figures["reordered"]) == (0, 0)
    assert "the successor reads formats [9999]" in run("docker", "logs", old)


async def test_members_of_a_relay_that_hung_are_told_1012_when_it_wakes_up(
    run_stack: RunStack,
) -> None:
    """Newcomers reach the new relay while the old one hangs; none of their handshakes fails."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    async with connected(stack) as swarm:
        _signal(old, "STOP")
        new = await asyncio.to_thread(start_beside, stack, old)
        await asyncio.to_thread(until, lambda: is_healthy(stack, new), "the new relay is healthy")
        async with _newcomers(stack) as count:
            await asyncio.to_thread(until, lambda: count[0] > 10, "newcomers are let in")
            _signal(old, "CONT")
            await swarm.back(1)
            await asyncio.to_thread(run, "docker", "stop", old)
        await swarm.hush()
        figures = swarm.figures()
    assert (figures["closes"], figures["failure"]) == ({"1012": SIZE}, "")
    assert (figures["repeated"], figures["reordered"]) == (0, 0)


@asynccontextmanager
async def _newcomers(stack: Stack) -> AsyncIterator[list[int]]:
    """Somebody comes all the time; yields how many have come. One who is refused fails the test."""
    count = [0]

    async def come() -> None:
        while True:
            async with stack.connect(f"newcomer-{count[0]}", room="newcomers"):
                count[0] += 1
            await asyncio.sleep(_PAUSE)

    coming = asyncio.create_task(come())
    try:
        yield count
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming
    assert count[0] > 0


def _read_another_format(stack: Stack) -> None:
    """Have relays that are started from now on be of a version that reads and writes no format of
    today's: their sources lie over those of the image."""
    sources = stack.folder / "relay"
    shutil.copytree(ROOT / "relay", sources, ignore=shutil.ignore_patterns("__pycache__"))
    file = sources / "edge" / "handover" / "format.py"
    text = re.sub(r"^FORMAT: Final = .*", "FORMAT: Final = 9999", file.read_text(), flags=re.M)
    file.write_text(re.sub(r"^READABLE: .*", "READABLE: Final = (FORMAT,)", text, flags=re.M))
    override = 'services: {relay: {volumes: ["./relay:/app/relay:ro"]}}'
    (stack.folder / "docker-compose.override.yml").write_text(override)


def _signal(container: str, signal: str) -> None:
    """Send a signal to the container's process 1; to Docker, STOP would be the end of it."""
    if os.geteuid():
        engine.refuse("only root signals a process in a container")
    pid = run("docker", "inspect", "--format", "{{.State.Pid}}", container).strip()
    subprocess.run(["kill", f"-{signal}", pid], check=True)
