"""Clients that have sent more than one turn's share take turns: a pass of the loop stays short."""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

MOST: Final = 8  # clients in one pass of the event loop


class Waiting(Protocol):
    """A client whose bytes wait to be parsed."""

    def go_on(self) -> None:
        """Parse one share of them; a client that has more is added again."""


class Turns:
    """Who waits, in order; `schedule` runs a callback in the next pass of the event loop."""

    def __init__(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        self._schedule = schedule
        self._waiting: deque[Waiting] = deque()
        self._is_scheduled = False

    def add(self, waiting: Waiting) -> None:
        """Let it go on in one of the next passes."""
        self._waiting.append(waiting)
        self._plan()

    def _plan(self) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            self._schedule(self._run)

    def _run(self) -> None:
        self._is_scheduled = False
        for _ in range(min(MOST, len(self._waiting))):
            self._waiting.popleft().go_on()
        self._plan()
