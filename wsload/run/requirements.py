"""What a run has to reach: `--require p99=250 --require lost=0`, or a TOML file of the same.

Each name is a number of the result. Most are limits that may not be exceeded; some have to be
reached. What falls short is said in a sentence each, and the run fails.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


class BadRequirement(Exception):
    """A requirement that says nothing; the message names it and what is expected."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the result that can be required."""

    title: str
    unit: str
    least: bool = False  # has to be reached, rather than not exceeded


QUANTITIES = {
    "mean": Quantity("average latency", "ms"),
    "p50": Quantity("p50 latency", "ms"),
    "p95": Quantity("p95 latency", "ms"),
    "p99": Quantity("p99 latency", "ms"),
    "p999": Quantity("p99.9 latency", "ms"),
    "max": Quantity("maximum latency", "ms"),
    "jitter_p99": Quantity("p99 jitter", "ms"),
    "connect_p99": Quantity("p99 connection time", "ms"),
    "connect_max": Quantity("maximum connection time", "ms"),
    "away_p50": Quantity("p50 absence", "ms"),
    "away_max": Quantity("longest absence", "ms"),
    "split": Quantity("longest split of a room", "ms"),
    "missed": Quantity("missed while away", "messages"),
    "lost": Quantity("lost", "messages"),
    "repeated": Quantity("repeated", "messages"),
    "reordered": Quantity("reordered", "messages"),
    "leaked": Quantity("leaked into other rooms", "messages"),
    "late": Quantity("late", "messages"),
    "refused": Quantity("failed connections", "connections"),
    "closed": Quantity("connections closed by the relay, and not back", "connections"),
    "returned": Quantity("returns after being closed by the relay", "connections"),
    "throughput": Quantity("throughput", "msg/s", least=True),
    "bandwidth": Quantity("bandwidth", "Mbps", least=True),
    "highest_rate": Quantity("highest rate that held", "msg/s sent", least=True),
}

# A relay that does any of this is broken; a run that allows it has to say so.
ALWAYS = {"lost": 0.0, "repeated": 0.0, "reordered": 0.0, "leaked": 0.0}


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


def shortfalls(limits: Mapping[str, float], metrics: Mapping[str, float]) -> list[str]:
    """One sentence for each limit that `metrics` miss."""
    found = []
    for name, limit in limits.items():
        quantity = QUANTITIES[name]
        if name not in metrics:
            found.append(f"{quantity.title} ({name}) was required and not measured in this run")
            continue
        value = metrics[name]
        if quantity.least and value < limit:
            relation = "short of the"
        elif not quantity.least and value > limit:
            relation = "over the"
        else:
            continue
        found.append(
            f"{quantity.title} is {number(value)} {quantity.unit}, "
            f"{relation} required {number(limit)}"
        )
    return found


def number(value: float) -> str:
    """As people read it: thousands apart, and no more digits than matter."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}"


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
