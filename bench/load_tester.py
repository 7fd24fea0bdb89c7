"""What the load tester itself carries, on one core, against a relay on another.

It is offered about what one core of a small machine can account for; what each delivery costs it in
CPU time tells how far it is from its limit. What many connections that say little cost it in memory
is measured, too.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.server import resident

_CROWDED: Final = (
    *("--clients", "100", "--sender-every", "10", "--payload", "128"),
    *("--interval", "2"),  # ms: 495,000 deliveries a second
)
_MANY: Final = 10_000  # connections
_SETTLED: Final = 5.0  # seconds after the last connection, in which it still grows


@dataclass(frozen=True, slots=True)
class Result:
    delivered: float  # messages a second
    lost: int
    cpu_each: float  # microseconds of CPU for each delivery


def carry(port: int, tree: Path, core: int, seconds: float) -> Result:
    """Run the load tester of a source tree on a core, and return what it came to."""
    with TemporaryDirectory() as folder:
        process = _start(port, tree, core, *_CROWDED, "--duration", f"{seconds:g}",
            "--report", folder)  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        results = list(Path(folder).glob("*.json"))
        if len(results) != 1:
            raise SystemExit(f"bench: the load tester of {tree} ended with {process.returncode}")
        metrics = json.loads(results[0].read_text())["metrics"]
    cpu = usage.ru_utime + usage.ru_stime
    return Result(
        metrics["throughput"], int(metrics["lost"]), cpu / max(metrics["delivered"], 1) * 1e6
    )


def bytes_each(port: int, tree: Path, core: int) -> float:
    """Return what each of many connections costs the load tester, in bytes of memory."""
    few, many = (_peak(port, tree, core, count) for count in (10, _MANY))
    return (many - few) / (_MANY - 10)


def _peak(port: int, tree: Path, core: int, count: int) -> int:
    """Return the most memory it has used with so many connections, in bytes."""
    process = _start(port, tree, core, "--clients", str(count), "--rooms", str(max(1, count // 10)),
        "--sender-every", "10", "--interval", "1000", "--payload", "128",
        "--duration", "300", "--report", "")  # fmt: skip
    highest, grown = 0, time.monotonic()
    try:
        while time.monotonic() < grown + _SETTLED and process.poll() is None:
            used = resident(process.pid)
            if used > highest * 1.01:
                highest, grown = used, time.monotonic()
            time.sleep(0.1)
        if process.poll() is not None:
            raise SystemExit(f"bench: the load tester of {tree} ended with {process.returncode}")
        return highest
    finally:
        process.kill()
        process.wait()


def _start(port: int, tree: Path, core: int, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "loadtest", "--host", f"ws://127.0.0.1:{port}", *options],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tree)},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
