"""Schedules and the pacer that keeps them."""

from itertools import islice, pairwise
from math import inf
from types import SimpleNamespace
from typing import Any
from weakref import ref

import pytest

from wsload.account.account import Account
from wsload.account.payload import Writer
from wsload.client.clock import now
from wsload.client.connection import State
from wsload.run.cadence import Pace, Share, constant, phase, slot
from wsload.run.pacer import GRANULARITY, Pacer
from wsload.run.recorder import Counters
from wsload.run.sender import Sender


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


def test_times_of_many_senders_fall_into_slots() -> None:
    """So that what is due together leaves together."""
    times = {next(constant(5.0, 0.01, phase(sender))) for sender in range(1000)}
    assert sorted(times) == pytest.approx([5.0, 5.0025, 5.005, 5.0075])
    assert (slot(0.001), slot(0.01), slot(10.0)) == (0.001, 0.0025, 0.005)


def test_shares_follow_the_number_of_senders() -> None:
    """What is due later comes nearer or goes farther, and the rate of all stays what it was."""
    pace = Pace(10.0)
    pace.senders = 2
    share = Share(pace, 100.0, 0.5)
    assert [next(share), next(share)] == pytest.approx([100.1, 100.3])
    pace.senders = 4
    assert share.adapt(100.2) == pytest.approx(100.4)
    assert next(share) == pytest.approx(100.8)
    pace.rate = 40.0
    assert share.adapt(100.9) == pytest.approx(100.8)
    assert next(share) == pytest.approx(100.9)


def test_senders_spread_over_their_interval() -> None:
    """No two of a hundred are nearer than a third of the mean distance."""
    phases = sorted(phase(number) for number in range(100))
    assert min(b - a for a, b in pairwise(phases)) > 0.003


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
    connection: Any = SimpleNamespace(
        state=State.OPEN, blocked=False, unblocked=0.0, compressed=False
    )
    connection.write = lambda frames, **_: sent.extend(frames)
    account = Account("member", 1, joined=0.0, echo=False, checked=True)
    cadence = constant(0.0, 1.0)
    sender = Sender(connection, account, Counters(), cadence, writer=Writer(1, 64), interval=1.0)
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
