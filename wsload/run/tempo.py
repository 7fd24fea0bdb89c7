"""How many senders there are, and the rate that those of a scenario share."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

import gevent

from wsload.client.clock import now
from wsload.run.cadence import Pace
from wsload.run.pacer import Pacer
from wsload.run.sender import Sender

_TOGETHER = 0.05  # seconds in which changes are gathered: who joins does not come alone


class Senders(Protocol):
    """A run as its tempo sees it."""

    pacer: Pacer

    def senders(self) -> Iterable[Sender]: ...


class Tempo:
    """Of one process; `counts` may be those of all processes, once somebody has told them."""

    def __init__(self, run: Senders) -> None:
        self._run = run
        self.local: Counter[str] = Counter()
        """By scenario: how many of this process send."""
        self._told: Mapping[str, int] | None = None
        self._paces: dict[str, Pace] = {}
        self._adapt_task: gevent.Greenlet | None = None

    def count(self, scenario: str) -> int:
        """How many send, as far as is known."""
        known = self.local if self._told is None else self._told
        return max(known.get(scenario, 0), 1)

    def arrive(self, scenario: str) -> None:
        """One more sends."""
        self.local[scenario] += 1
        self._changed()

    def depart(self, scenario: str) -> None:
        """One sends no more."""
        self.local[scenario] -= 1
        self._changed()

    def tell(self, senders: Mapping[str, int]) -> None:
        """How many send in all processes."""
        self._told = dict(senders)
        self._changed()

    def pace(self, scenario: str, rate: float) -> Pace:
        """What all senders of `scenario` share; `rate` is that of the first who asks."""
        pace = self._paces.setdefault(scenario, Pace(rate))
        pace.senders = self.count(scenario)
        return pace

    def change(self, scenario: str, rate: float) -> None:
        """From now on all together send at another rate (messages a second)."""
        self.pace(scenario, rate).rate = rate
        self._adapt()

    def _changed(self) -> None:
        if self._paces and self._adapt_task is None:
            self._adapt_task = gevent.spawn_later(_TOGETHER, self._adapt)

    def _adapt(self) -> None:
        self._adapt_task = None
        for scenario, pace in self._paces.items():
            pace.senders = self.count(scenario)
        moment = now()
        for sender in self._run.senders():
            sender.adapt(moment)
        self._run.pacer.reorder()
