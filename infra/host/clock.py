"""Time, as a part that tests replace: a switch waits a lot."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds on a clock that nobody sets."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def stamp(self, ago: float = 0) -> str:
        """The time so many seconds ago, UTC, as releases are named: 20261125T101500."""
        ...


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def stamp(self, ago: float = 0) -> str:
        return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - ago))
