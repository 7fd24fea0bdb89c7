"""What this machine or container gives a relay; None where it does not tell."""

import ctypes
import os
import resource
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay import probe, process_memory

_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_QUEUE: Final = Path("/proc/sys/net/core/somaxconn")
_TIME_ERROR: Final = 5  # of adjtimex(2): the clock is not synchronised
_TIMEX_SIZE: Final = 256  # bytes, more than `struct timex` has


@dataclass(frozen=True, slots=True)
class SocketFact:
    """A Unix socket, or the path where one is to be."""

    path: str
    kind: str  # "socket", "file", "missing", or "nowhere" where its directory is missing
    mode: int = 0
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Sizes in bytes, durations in seconds."""

    file_limit: int
    memory_limit: int
    ports: tuple[int, int] | None = None  # that connections from here take
    queue: int | None = None  # handshakes that the kernel lets wait
    stop_grace: str | None = None  # RELAY_STOP_GRACE
    is_clock_synchronised: bool | None = None
    sockets: tuple[tuple[str, SocketFact], ...] = ()  # by the name of the setting
    relay: str | None = None  # the answer of the relay that serves here to /ready


def read(sockets: dict[str, Path]) -> Facts:
    """Read everything; `sockets` are paths by the names of their settings."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = _numbers(_PORTS)
    return Facts(
        file_limit=hard if hard != resource.RLIM_INFINITY else 1_048_576,
        memory_limit=process_memory.limit(),
        ports=(numbers[0], numbers[1]) if len(numbers) == 2 else None,
        queue=next(iter(_numbers(_QUEUE)), None),
        stop_grace=os.environ.get("RELAY_STOP_GRACE") or None,
        is_clock_synchronised=_is_clock_synchronised(),
        sockets=tuple((name, _socket(path)) for name, path in sockets.items()),
        relay=_ask(),
    )


def _numbers(path: Path) -> list[int]:
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []


def _is_clock_synchronised() -> bool | None:
    """Ask the kernel, which knows it from whatever keeps its time (adjtimex(2))."""
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR


def _socket(path: Path) -> SocketFact:
    try:
        found = path.stat()
    except OSError:
        return SocketFact(str(path), "missing" if path.parent.is_dir() else "nowhere")
    kind = "socket" if stat.S_ISSOCK(found.st_mode) else "file"
    return SocketFact(str(path), kind, stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid())


def _ask() -> str | None:
    """Return what a relay here answers to /ready, or None where none does."""
    try:
        return probe.ask()[1]
    except OSError:
        return None
