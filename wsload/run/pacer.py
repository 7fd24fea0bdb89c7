"""Sends what is due, for all senders of one process, from one queue ordered by time.

Open loop: the schedule goes on whatever the relay does. The pacer runs from an alarm and, because a
busy process lives in its readers, also after every chunk that a reader has taken in.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from typing import Protocol

from wsload.client.clock import now

# Seconds between two runs at most this short: what falls due meanwhile leaves in one write.
GRANULARITY = 0.0002


class Scheduled(Protocol):
    """A sender as the pacer sees it."""

    due: float
    """When it wants to send next (seconds since the epoch); infinity: never again."""

    def send_due(self, moment: float) -> None:
        """Send everything due at `moment` and set `due`."""


class Pacer:
    """The queue of senders; `set_alarm` asks for a call of `run` at a time."""

    def __init__(self, set_alarm: Callable[[float], None]) -> None:
        self._set_alarm = set_alarm
        self._queue: list[tuple[float, int, Scheduled]] = []
        self._added = 0
        self._running = False
        self._stopped = False
        self.due = inf  # seconds since the epoch; readers compare it after each chunk

    def add(self, sender: Scheduled) -> None:
        if self._stopped:
            return
        self._added += 1  # breaks ties: senders themselves have no order
        heappush(self._queue, (sender.due, self._added, sender))
        if self._queue[0][0] < self.due:
            self.due = self._queue[0][0]
            self._set_alarm(self.due)

    def run(self) -> None:
        """Send what is due. Called from a reader inside a send, it leaves that to the send."""
        if self._running:
            return
        moment = now()
        queue = self._queue
        self._running = True
        try:
            while queue and queue[0][0] <= moment:
                _, order, sender = queue[0]
                sender.send_due(moment)
                if sender.due < inf:
                    heapreplace(queue, (sender.due, order, sender))
                else:
                    heappop(queue)
        finally:
            self._running = False
        self.due = max(queue[0][0], moment + GRANULARITY) if queue else inf
        if self.due < inf:
            self._set_alarm(self.due)

    def reorder(self) -> None:
        """Senders have changed their `due`."""
        self._queue = [(sender.due, order, sender) for _, order, sender in self._queue]
        heapify(self._queue)
        if self._queue:
            self.due = self._queue[0][0]
            self._set_alarm(self.due)

    def stop(self) -> None:
        """Send nothing any more, whoever asks."""
        self._stopped = True
        self._queue.clear()
        self.due = inf
