"""What a run has to reach: `--require p99=250 --require lost=0`, or a TOML file of the same.

Each name is a number of the result. Most are limits that may not be exceeded; some have to be
reached.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsload.account.audit import FAULTS
from wsload.run.figures import counted, number


class BadRequirement(Exception):
    """A requirement that says nothing; the message names it and what is expected."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the result that can be required."""

    title: str
    unit: str
    least: bool = False  # has to be reached, rather than not exceeded
    share: float | None = None  # of all deliveries, where it is a percentile of their latencies


QUANTITIES = {
    "mean": Quantity("average latency", "ms"),
    "p50": Quantity("p50 latency", "ms", share=0.5),
    "p95": Quantity("p95 latency", "ms", share=0.95),
    "p99": Quantity("p99 latency", "ms", share=0.99),
    "p999": Quantity("p99.9 latency", "ms", share=0.999),
    "max": Quantity("maximum latency", "ms", share=1.0),
    "jitter_p99": Quantity("p99 jitter", "ms"),
    "connect_p99": Quantity("p99 connection time", "ms"),
    "connect_max": Quantity("maximum connection time", "ms"),
    "request_p50": Quantity("p50 of own requests", "ms"),
    "request_p95": Quantity("p95 of own requests", "ms"),
    "request_p99": Quantity("p99 of own requests", "ms"),
    "request_max": Quantity("slowest own request", "ms"),
    "request_failures": Quantity("own requests that failed", "requests"),
    "ping_p99": Quantity("p99 round trip of pings", "ms"),
    "away_p50": Quantity("p50 absence", "ms"),
    "away_max": Quantity("longest absence", "ms"),
    "split": Quantity("longest split of a room", "ms"),
    "missed": Quantity("missed while away", "messages"),
    "unread": Quantity("unread at close", "messages"),
    "lost": Quantity("lost", "messages"),
    "repeated": Quantity("repeated", "messages"),
    "reordered": Quantity("reordered", "messages"),
    "leaked": Quantity("leaked into other rooms", "messages"),
    "corrupted": Quantity("corrupted", "messages"),
    "truncated": Quantity("truncated", "messages"),
    "unexpected": Quantity("sent by nobody", "messages"),
    "disordered": Quantity("knots in the order over all senders", "knots"),
    "late": Quantity("late", "messages"),
    "refused": Quantity("failed connections", "connections"),
    "closed": Quantity("connections closed by the server, and not back", "connections"),
    "returned": Quantity("returns after being closed by the server", "connections"),
    "throughput": Quantity("throughput", "msg/s", least=True),
    "bandwidth": Quantity("bandwidth", "Mbps", least=True),
    "highest_rate": Quantity("highest rate that held", "msg/s sent", least=True),
}

ALWAYS = dict.fromkeys((*FAULTS, "disordered", "request_failures"), 0.0)
"""A server that does any of this is broken; a run that allows it has to say so."""
LATENCIES = ("mean", "p50", "p95", "p99", "p999", "max", "jitter_p99")
"""Of deliveries: a message that leaves late makes them worse."""


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement, and what came of it."""

    name: str
    limit: float
    measured: float | None  # none: it was not measured in this run

    @property
    def quantity(self) -> Quantity:
        return QUANTITIES[self.name]

    @property
    def met(self) -> bool:
        if self.measured is None:
            return False
        if self.quantity.least:
            return self.measured >= self.limit
        return self.measured <= self.limit

    @property
    def sentence(self) -> str:
        """How it was missed."""
        quantity = self.quantity
        if self.measured is None:
            return f"{quantity.title} ({self.name}) was required and not measured in this run"
        measured = counted(self.measured, quantity.unit)
        relation = "short of the required" if quantity.least else "over the limit of"
        return f"{quantity.title}: {measured}, {relation} {number(self.limit)}"


def read(pairs: Iterable[str], file: str = "") -> dict[str, float]:
    """Limits by name: `ALWAYS`, then those of `file`, then `pairs` ("name=limit")."""
    limits = dict(ALWAYS)
    if file:
        try:
            table = tomllib.loads(Path(file).read_text())
        except (OSError, ValueError) as error:
            raise BadRequirement(f"cannot read --require-file {file}: {error}") from None
        for name, value in table.items():
            limits[_known(name)] = _limit(name, value)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadRequirement(f"--require {pair}: expected NAME=LIMIT, for example p99=250")
        limits[_known(name.strip())] = _limit(name, value)
    return limits


def checks(limits: Mapping[str, float], metrics: Mapping[str, float]) -> list[Check]:
    """What came of each limit; those that always hold, only where they were measured."""
    return [
        Check(name, limit, metrics.get(name))
        for name, limit in limits.items()
        if name in metrics or ALWAYS.get(name) != limit
    ]


def _known(name: str) -> str:
    if name not in QUANTITIES:
        raise BadRequirement(f"cannot require {name!r}: expected one of {', '.join(QUANTITIES)}")
    return name


def _limit(name: str, value: object) -> float:
    try:
        limit = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        limit = -1.0
    if not 0 <= limit < float("inf"):
        raise BadRequirement(f"cannot require {name}={value}: expected a number of 0 or more")
    return limit
