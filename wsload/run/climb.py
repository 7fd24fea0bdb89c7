"""The climb to the highest rate that holds: its steps, and what each of them came to."""

from dataclasses import dataclass
from itertools import takewhile

from wsload.account.histogram import Histogram
from wsload.run.options import Options
from wsload.run.requirements import QUANTITIES, number
from wsload.run.series import Second, Series

_LATENCIES = {"mean": None, "p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
_LEAST_SENT = 0.98  # of the rate: below, the relay did not read its senders
_MOST_CPU = 90.0  # percent of a core, of the busiest generator


@dataclass(frozen=True, slots=True)
class Step:
    """One rate, and how it went."""

    rate: float  # messages a second, as planned
    sent: float  # messages a second, measured
    delivered: float  # messages a second
    p50: float  # ms
    p99: float  # ms
    shortfall: str  # why it did not hold; empty if it did


def rates(options: Options) -> list[float]:
    """Messages a second of every step, all senders together; one step where it does not climb."""
    if options.rate_max <= options.rate:
        return [options.rate]
    climb = (options.rate * options.rate_factor**step for step in range(1000))
    return [*takewhile(lambda rate: rate <= options.rate_max * 1.000001, climb)]


def climbed(
    options: Options, limits: dict[str, float], series: Series, start: float, until: float
) -> list[Step]:
    """Every step that was complete at `until`; `start` is when the first one began. The last one
    may have fallen short, those before it held."""
    found: list[Step] = []
    for index, rate in enumerate(rates(options)):
        begin = start + index * options.rate_step
        end = begin + options.rate_step
        # The step's last second is known once the next one has begun.
        seconds = [second for _, second in series.between(begin, end)]
        if end + 1 > until or not seconds:
            break
        # The first second still carries the change of rate.
        found.append(_step(rate, seconds[1:] or seconds, limits, options))
        if found[-1].shortfall:
            break
    return found


def finished(options: Options, steps: list[Step]) -> bool:
    """Nothing is left to find out: a step fell short, or the last one held."""
    return bool(steps) and (bool(steps[-1].shortfall) or len(steps) == len(rates(options)))


def highest(steps: list[Step]) -> float:
    """The highest rate that held; 0: not even the first."""
    return max((step.rate for step in steps if not step.shortfall), default=0.0)


def _step(rate: float, seconds: list[Second], limits: dict[str, float], options: Options) -> Step:
    latency = Histogram()
    for second in seconds:
        latency.merge(second.latency)
    sent = sum(second.sent for second in seconds) / len(seconds)
    processes = {name for second in seconds for name in second.cpu}
    cpu = max(
        (sum(second.cpu.get(name, 0) for second in seconds) / len(seconds) for name in processes),
        default=0.0,
    )
    return Step(
        rate=rate,
        sent=sent,
        delivered=latency.count / len(seconds),
        p50=latency.percentile(0.5),
        p99=latency.percentile(0.99),
        shortfall=_shortfall(rate, sent, cpu, latency, limits, options),
    )


def _shortfall(
    rate: float, sent: float, cpu: float, latency: Histogram, limits: dict[str, float],
    options: Options,
) -> str:  # fmt: skip
    if sent < rate * _LEAST_SENT:
        if cpu > _MOST_CPU:
            return f"the generator was the limit ({cpu:.0f} % of a core)"
        return f"the relay read only {number(round(sent))} msg/s of its senders"
    limits = {name: limits[name] for name in _LATENCIES if name in limits} or {"p99": options.late}
    for name, limit in limits.items():
        share = _LATENCIES[name]
        value = latency.mean if share is None else latency.percentile(share)
        if value > limit:
            return f"{QUANTITIES[name].title} {number(value)} ms is over {number(limit)} ms"
    return ""
