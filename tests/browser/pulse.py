"""Sound without a sound card: a PulseAudio server, and how loud a tone is in its loudspeaker."""

import asyncio
import math
import os
import shutil
import tempfile
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.browser.tools import missing

RATE: Final = 48_000  # samples per second, of everything here
TONE: Final = 1_000  # Hz, of what the microphone hears
_PROGRAMS: Final = ("pulseaudio", "pacat")
_RAW: Final = ("--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=50")
_SOUND_CARD: Final = (
    "module-null-sink sink_name=loudspeaker",
    "module-null-sink sink_name=mouth",
    "module-remap-source source_name=microphone master=mouth.monitor",
)
_PERIOD: Final = 0.05  # seconds between two looks for the server
_LOUD: Final = 0.25  # of the range


class Pulse:
    """A server that runs; `env` leads a program to it."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        self.env = {"PULSE_SERVER": f"unix:{self._socket}", "XDG_RUNTIME_DIR": str(folder)}

    @classmethod
    @asynccontextmanager
    async def start(cls, *, has_devices: bool = True) -> AsyncIterator["Pulse"]:
        """Start it, with a loudspeaker, and a microphone that hears a tone; or with neither.

        Without PulseAudio the test is skipped, and fails in CI.
        """
        for program in _PROGRAMS:
            if not shutil.which(program):
                missing(program)
        async with AsyncExitStack() as stack:
            # Not pytest's folder: the path of a Unix socket has 107 bytes at most.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulse-")))
            pulse = cls(folder)
            modules = (
                f"module-native-protocol-unix socket={pulse._socket} auth-anonymous=1",
                *(_SOUND_CARD if has_devices else ()),
            )
            options = (
                *("-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
                "--high-priority=no",
            )
            await stack.enter_async_context(
                pulse._running("pulseaudio", *options, *(f"--load={each}" for each in modules))
            )
            while not pulse._socket.exists():
                await asyncio.sleep(_PERIOD)
            if has_devices:
                hear = ("--playback", "--device=mouth", *_RAW)
                pacat = await stack.enter_async_context(pulse._running("pacat", *hear))
                beep_task = asyncio.create_task(_beep(pacat))
                stack.callback(beep_task.cancel)
            yield pulse

    async def loudness(self, tones: Sequence[int]) -> AsyncGenerator[list[float]]:
        """Yield, second by second, how loud each tone (Hz) is in the loudspeaker, from 0 to 1."""
        record = ("--record", "--device=loudspeaker.monitor", *_RAW)
        async with self._running("pacat", *record) as pacat:
            assert pacat.stdout is not None
            while True:
                samples = array("h", await pacat.stdout.readexactly(2 * RATE))
                yield [goertzel(samples, tone) for tone in tones]

    @asynccontextmanager
    async def _running(self, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **self.env, "HOME": str(self._socket.parent)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it warns of root, and of D-Bus
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


def goertzel(samples: Sequence[int], tone: int) -> float:
    """Return the amplitude of a tone (Hz) in 16-bit samples, from 0 to 1 (Goertzel's sum)."""
    turn = 2 * math.cos(2 * math.pi * tone / RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    power = last * last + before * before - turn * last * before
    return 2 * math.sqrt(max(0.0, power)) / len(samples) / 0x8000


async def _beep(pacat: asyncio.subprocess.Process) -> None:
    """Play a tone that comes and goes: what stays is noise to a browser, which suppresses it."""
    assert pacat.stdin is not None
    samples = (math.sin(2 * math.pi * TONE * at / RATE) for at in range(RATE // 4))
    beep = array("h", (round(_LOUD * 0x7FFF * sample) for sample in samples)).tobytes()
    while True:
        pacat.stdin.write(beep + bytes(len(beep)))
        await pacat.stdin.drain()
