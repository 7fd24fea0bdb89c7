"""A server under measurement: a process of its own on one core, and what it has used."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
_CPU_CLOCK: Final = 2  # the kernel's CPUCLOCK_SCHED


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    pid: int


@contextmanager
def running(module: str, core: int, tree: Path = ROOT, **settings: str) -> Iterator[Server]:
    """Run a module of a source tree on a core, with this interpreter, until it takes connections.

    Raises SystemExit when it ends before that.
    """
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tree),
        "PORT": str(port),
        "LISTEN_ADDRESS": "127.0.0.1",
        "LOG_LEVEL": "error",
        **settings,
    }
    command = (sys.executable, "-m", module)
    with serving(command, port, core, cwd=tree, env=env) as server:  # from where `-m` imports first
        yield server


@contextmanager
def serving(command: Sequence[str], port: int, core: int, **how: Any) -> Iterator[Server]:
    """Run a program that listens on a port, on a core, until it takes connections.

    Raises SystemExit when it ends before that.
    """
    process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {core}), **how)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    shown = " ".join(command)
                    raise SystemExit(f"bench: {shown} did not start") from None
                time.sleep(0.02)
        yield Server(port, process.pid)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process since its start, user and system, all threads.

    This is clock_getcpuclockid(3), which Python does not offer. /proc/PID/stat has the same time in
    steps of 10 ms, which is 3 % of what a light load needs.
    """
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process uses."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
