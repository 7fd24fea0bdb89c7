"""The climb to the highest rate that holds: which rate comes next, and what each came to.

Up by a factor until a rate does not hold. A step that fails is tried once more, because a machine
has bad seconds; then halves of what lies between the highest that held and the lowest that did not
are tried, until they are 5 % apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

from wsload.account.histogram import Histogram
from wsload.run.figures import number
from wsload.run.options import Options
from wsload.run.requirements import QUANTITIES
from wsload.run.series import Second, Series

_LEAST_DELIVERED = 0.95  # of what the first rate came to: below, queues grow at each second
LEAST_SENT = 0.98  # of the rate: below, the server did not read its senders
MOST_CPU = 90.0  # percent of a core, of the busiest generator
MOST_LATE = 0.01  # of all messages, that the generator sent late
_NEAR = 1.05  # a rate that did not hold, over one that did: nothing lies between them
# After a rate that did not hold, queues have to empty: at a part of the highest that held (or of
# the first), until messages arrive in time again, for so many seconds at least and at most.
_REST_RATE = 0.5
_REST = 2.0
_LONGEST_REST = 30.0
_LEAST_FALL = 100.0  # milliseconds in a second, by which latencies fall while queues empty
_LATENCIES = ("mean", "p50", "p95", "p99", "p999", "max")


@dataclass(frozen=True, slots=True)
class Step:
    """One rate, and how it went."""

    rate: float  # messages a second, as planned
    begin: float  # seconds after the begin of sending
    sent: float  # messages a second, measured
    delivered: float  # messages a second
    p50: float  # ms
    p99: float  # ms
    cpu: float  # percent of a core, of the busiest generator
    server_cpu: float | None  # percent of a core; none: not to be seen from here
    shortfall: str  # why it did not hold; empty if it did
    limited: bool  # it did not hold because of the generator

    @property
    def held(self) -> bool:
        return not self.shortfall


class Climb:
    """Decides; whoever asks sees to it that the rate is sent."""

    def __init__(self, options: Options, limits: Mapping[str, float], start: float) -> None:
        """`start`: when sending begins, at `options.rate` (seconds since the epoch)."""
        self._options = options
        self._limits = {name: limit for name, limit in limits.items() if name in _LATENCIES} or {
            "p99": options.late
        }
        self._start = start
        self.steps: list[Step] = []
        self.rate = options.rate
        self._begin = start
        self._resting = False
        self._next: float | None = None  # rate behind a rest; None: the climb ends there
        self.finished = False

    @property
    def highest(self) -> float:
        """The highest rate that held (messages a second); 0: none."""
        return max((step.rate for step in self.steps if step.held), default=0.0)

    @property
    def lowest_failed(self) -> float:
        """The lowest rate that did not hold, when it was tried last; 0: none."""
        last = {step.rate: step for step in self.steps}
        return min((rate for rate, step in last.items() if not step.held), default=0.0)

    @property
    def is_answered(self) -> bool:
        """Nothing is left to be tried; queues may still have to empty."""
        return self.finished or (self._resting and self._next is None)

    @property
    def limited(self) -> bool:
        """The generator was the limit."""
        return bool(self.steps) and self.steps[-1].limited

    def look(self, series: Series, until: float) -> float | None:
        """Every second before `until` is known: the rate to go on with, none for the same."""
        if self.finished:
            return None
        end = self._begin + (_REST if self._resting else self._options.rate_step)
        if end + 1 > until:
            return None
        if self._resting:
            return self._end_rest(series, until)
        # The first second still carries the change of rate.
        seconds = [second for _, second in series.between(self._begin, end)]
        self.steps.append(self._step(seconds[1:] or seconds))
        return self._decide(until)

    def _decide(self, moment: float) -> float | None:
        step = self.steps[-1]
        tries = [known for known in self.steps if known.rate == step.rate]
        if not step.held and len(tries) == 1:
            return self._rest(step.rate, moment)
        if step.limited:
            self.finished = True
            return None
        high, low = self.lowest_failed, self.highest
        if not high:
            top = self._options.rate_max
            self.finished = step.rate >= top * 0.999999
            following = min(step.rate * self._options.rate_factor, top)
        elif not low:
            self.finished = True  # not even the first rate
            following = 0.0
        else:
            self.finished = high <= low * _NEAR
            following = sqrt(low * high)
        if self.finished and step.held:
            return None
        if self.finished:
            # What it queued would be taken for lost.
            self.finished = False
            return self._rest(None, moment)
        return self._go(following, moment) if step.held else self._rest(following, moment)

    def _go(self, rate: float, moment: float) -> float:
        self.rate, self._begin, self._resting = rate, moment, False
        return rate

    def _rest(self, following: float | None, moment: float) -> float:
        self._next, self._begin, self._resting = following, moment, True
        self.rate = (self.highest or self._options.rate) * _REST_RATE
        return self.rate

    def _end_rest(self, series: Series, until: float) -> float | None:
        """Go on once the queues are empty, or never will be."""
        calm = self._is_calm(series, until)
        if not calm and until - self._begin < _LONGEST_REST:
            return None
        if self._next is None:
            self.finished = True
            return None
        return self._go(self._next, until)

    def _is_calm(self, series: Series, until: float) -> bool:
        """Whether latencies are within their limits again, or fall no more."""
        before, latest = (
            [second.latency for _, second in series.between(moment - 1, moment) if second.received]
            for moment in (until - 1, until)
        )
        if not latest:
            return False
        fall = max((one.mean for one in before), default=inf) - latest[-1].mean
        return fall < _LEAST_FALL or not self._too_slow(latest[-1])

    def _step(self, seconds: list[Second]) -> Step:
        latency = Histogram()
        for second in seconds:
            latency.merge(second.latency)
        count = max(len(seconds), 1)
        sent = sum(second.sent for second in seconds) / count
        processes = {name for second in seconds for name in second.cpu}
        cpu = max(
            (sum(second.cpu.get(name, 0) for second in seconds) / count for name in processes),
            default=0.0,
        )
        served = [second.server_cpu for second in seconds if second.server_cpu is not None]
        shortfall = self._shortfall(sent, latency.count / count, latency)
        limit = ""
        if sent < self.rate * LEAST_SENT and cpu > MOST_CPU:
            limit = f"the generator was the limit ({cpu:.0f} % of a core)"
        elif sent < self.rate * LEAST_SENT or shortfall == self._too_slow(latency):
            limit = self._lateness(seconds, latency) if shortfall else ""
        return Step(
            rate=self.rate,
            begin=self._begin - self._start,
            sent=sent,
            delivered=latency.count / count,
            p50=latency.percentile(0.5),
            p99=latency.percentile(0.99),
            cpu=cpu,
            server_cpu=sum(served) / len(served) if served else None,
            shortfall=limit or shortfall,
            limited=bool(limit),
        )

    def _lateness(self, seconds: list[Second], latency: Histogram) -> str:
        """That a step did not hold only because the generator sent late; empty: that it is not so.
        What the server did not read in time is not late."""
        tardy = Histogram()
        for second in seconds:
            tardy.merge(second.tardy)
        sends = sum(second.sent for second in seconds)
        late = sum(second.late_sends for second in seconds) / max(sends, 1)
        punctual = latency.without(tardy)
        if late <= MOST_LATE or not punctual.count or self._too_slow(punctual):
            return ""
        return f"the generator was the limit ({100 * late:.0f} % left late)"

    def _shortfall(self, sent: float, delivered: float, latency: Histogram) -> str:
        if sent < self.rate * LEAST_SENT:
            return f"the server read only {number(round(sent))} msg/s of its senders"
        first = next((step for step in self.steps if step.held and step.sent), None)
        owed = sent * first.delivered / first.sent if first is not None else 0.0
        if delivered < owed * _LEAST_DELIVERED:
            return (
                f"the server delivered only {number(round(delivered))} "
                f"of {number(round(owed))} msg/s"
            )
        return self._too_slow(latency)

    def _too_slow(self, latency: Histogram) -> str:
        """Return which latency is over its limit; empty: none."""
        for name, limit in self._limits.items():
            share = QUANTITIES[name].share
            value = latency.mean if share is None else latency.percentile(share)
            if value > limit:
                title = QUANTITIES[name].title
                return f"{title} {number(value)} ms is over {number(limit)} ms"
        return ""
