"""Schedules and the pacer that keeps them."""

from itertools import islice, pairwise
from math import inf
from types import SimpleNamespace
from typing import Any
from weakref import ref

from wsload.account.ledger import Account
from wsload.account.payload import now
from wsload.client.connection import State
from wsload.run.cadence import constant, phase, steps
from wsload.run.climb import rates
from wsload.run.pacer import GRANULARITY, Pacer
from wsload.run.recorder import Counters
from wsload.run.sender import Sender

from .test_options import _options


class _Sender:
    """Sends once at each of its times."""

    def __init__(self, log: list[str], name: str, times: list[float]) -> None:
        self._log, self._name, self._times = log, name, times
        self.due = times.pop(0)

    def send_due(self, moment: float) -> None:
        assert self.due <= moment
        self._log.append(self._name)
        self.due = self._times.pop(0) if self._times else inf


def test_a_constant_cadence_does_not_drift() -> None:
    assert list(islice(constant(100.0, 0.1), 1000))[-1] == 100.0 + 999 * 0.1


def test_steps_change_the_rate_on_time() -> None:
    times = list(steps(10.0, [0.5, 0.25], 1.0, 0.5))
    assert times == [10.25, 10.75, 11.125, 11.375, 11.625, 11.875]


def test_senders_spread_over_their_interval() -> None:
    """No two of a hundred are nearer than a third of the mean distance."""
    phases = sorted(phase(number) for number in range(100))
    assert min(b - a for a, b in pairwise(phases)) > 0.003


def test_rates_climb_to_the_highest() -> None:
    assert rates(_options("--rate", "100")) == [100]
    climb = _options("--rate", "100", "--rate-max", "400", "--rate-factor", "2")
    assert rates(climb) == [100, 200, 400]


def test_pacer_sends_in_order_of_time_and_asks_for_the_next() -> None:
    log: list[str] = []
    alarms: list[float] = []
    pacer = Pacer(alarms.append)
    future = now() + 1000
    pacer.add(_Sender(log, "late", [3.0, future]))
    pacer.add(_Sender(log, "early", [1.0, 2.0]))
    pacer.run()
    assert log == ["early", "early", "late"]
    assert alarms[-1] == pacer.due == future


def test_pacer_forgets_who_has_nothing_to_send_any_more() -> None:
    """A member that comes back leaves a sender behind each time."""
    pacer = Pacer(lambda _: None)
    sender = _Sender([], "done", [1.0])
    gone = ref(sender)
    pacer.add(sender)
    del sender
    pacer.run()
    assert gone() is None
    assert pacer.due == inf


def test_sender_goes_on_where_it_was_however_often_it_comes_back() -> None:
    """On its schedule, with the next number; what was due while it was away is never sent."""
    sent: list[bytes] = []
    connection: Any = SimpleNamespace(state=State.OPEN, blocked=False, unblocked=0.0)
    connection.write = sent.extend
    account = Account("member", 1, joined=0.0, echo=False, checked=True)
    cadence = constant(0.0, 1.0)
    sender = Sender(connection, account, Counters(), cadence, size=64, tolerance=1.0)
    sender.send_due(0.0)
    for away in range(1, 20_000):
        sender = sender.successor(connection, away + 0.5)
    assert sender.due == 20_000.0
    sender.send_due(20_000.0)
    assert len(sent) == 2
    assert list(account.sent or ()) == [0.0, 20_000.0]


def test_pacer_does_not_ring_more_often_than_it_can_use() -> None:
    """A sender of a million a second is served in batches."""

    class Fast:
        due = 1.0
        served = 0.0

        def send_due(self, moment: float) -> None:
            self.served, self.due = moment, moment + 1e-6

    alarms: list[float] = []
    pacer, sender = Pacer(alarms.append), Fast()
    pacer.add(sender)
    pacer.run()
    assert alarms[-1] == pacer.due == sender.served + GRANULARITY


def test_a_stopped_pacer_sends_nothing() -> None:
    log: list[str] = []
    pacer = Pacer(lambda _: None)
    pacer.add(_Sender(log, "before", [1.0]))
    pacer.stop()
    pacer.add(_Sender(log, "after", [1.0]))
    pacer.run()
    assert log == []
    assert pacer.due == inf
