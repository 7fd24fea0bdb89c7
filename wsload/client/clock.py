"""The clock of schedules and latencies: monotonic, with an offset to the wall clock per run.

Several hosts can only share the wall clock, and a wall clock can be set in the middle of a run. So
its time is read when a run begins, once per host, and what passes from then on is told by the
monotonic clock, which all processes of a host share.
"""

import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time


class Clock:
    """Seconds since the epoch, as if nobody ever set the wall clock."""

    __slots__ = ("_steady", "_wall", "offset")

    def __init__(
        self, wall: Callable[[], float] = time, steady: Callable[[], float] = monotonic
    ) -> None:
        self._wall = wall
        self._steady = steady
        self.offset = 0.0
        """What the wall clock was ahead of the monotonic one, in seconds."""
        self.synchronise()

    def synchronise(self) -> None:
        """Read the wall clock: a run begins, and what happened to it before does not matter."""
        self.offset = self._wall() - self._steady()

    def now(self) -> float:
        return self._steady() + self.offset

    @property
    def step(self) -> float:
        """Seconds by which somebody has set the wall clock since then; a little of it is drift."""
        return self._wall() - self.now()


CLOCK = Clock()
now = CLOCK.now


def host_identity() -> str:
    """The same for every process that shares our monotonic clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
