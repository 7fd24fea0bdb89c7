"""A relay under attack: what it uses, what it writes, and whether it is itself again afterwards."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.attack.group import Group
from tests.process import ROOT, Relay

MOST_MEMORY: Final = 400 * 1024**2  # bytes resident, of the 512 MB that it may use
MOST_LINES: Final = 450  # of the log in a second: 200 for those who come, 200 for those who leave
_P99: Final = 250.0  # ms, which only the long form insists on
_CALM: Final = 60.0  # seconds to be itself again, on a busy machine
_SPARE: Final = 8  # descriptors that may be left over: of whoever asks
_SPARE_BYTES: Final = 3_000_000


@dataclass
class Siege:
    """One relay, and somebody who talks in a room of it that nobody attacks."""

    relay: Relay
    is_long: bool

    @property
    def port(self) -> int:
        return self.relay.port

    @property
    def files(self) -> int:
        """Return how many files the relay has open."""
        return len(list(Path(f"/proc/{self.relay.process.pid}/fd").iterdir()))

    @property
    def peak(self) -> int:
        """The most memory that was resident, in bytes."""
        for line in Path(f"/proc/{self.relay.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError

    async def lasts(self, seconds: float) -> None:
        """Let the attack go on for so long: its length is what is asked for."""
        await asyncio.sleep(seconds * (5 if self.is_long else 0.7))

    async def calm(self, files: int, held: float) -> None:
        """Wait until descriptors and memory are as before."""
        async with asyncio.timeout(_CALM):  # what the kernel has of a flood is still read
            while self.files > files + _SPARE:
                await asyncio.sleep(0.1)
            while await self.relay.metric("relay_held_bytes") > held + _SPARE_BYTES:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def besieged(
    name: str, group: Group | None, is_long: bool, **env: str
) -> AsyncIterator[Siege]:
    """Start a relay and its bystander; afterwards nothing is lost, and all is as before."""
    # What a room keeps for newcomers would be held on purpose.
    env = {"HISTORY_SIZE": "0", **env}
    relay = await Relay.start(
        memory=None, module="relay", within=group.command if group else (), **env
    )
    try:
        siege = Siege(relay, is_long)
        bystander = await _bystander(relay.port)
        await relay.count("quiet", 2)
        await relay.get("/ready")
        files, held, began = siege.files, await relay.metric("relay_held_bytes"), _now()
        yield siege
        await siege.calm(files, held)
        seconds = _now() - began
        out, _ = await bystander.communicate(b"")
        seen = json.loads(out.splitlines()[-1])
        print(
            f"{name}: bystander lost {seen['lost']} of {seen['sent']}, p99 {seen['p99']} ms, worst "
            f"{seen['worst']} ms; at most {siege.peak >> 20} MB, {len(relay.log)} lines in "
            f"{seconds:.0f} s"
        )
        assert seen["sent"] > 0
        assert seen["lost"] == 0
        assert len(relay.log) < 100 + MOST_LINES * seconds
        if group is not None:
            assert siege.peak < MOST_MEMORY
        if is_long:
            assert seen["p99"] < _P99
        # Whoever comes now is welcome.
        async with relay.connect("after", room="the attack"):
            pass
    finally:
        await relay.kill()


async def _bystander(port: int) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.attack.bystander", str(port), "quiet"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def _now() -> float:
    return asyncio.get_running_loop().time()
