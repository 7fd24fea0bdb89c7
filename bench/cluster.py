"""`make bench-cluster`: what the log over NATS costs, and what several relays carry.

In one run, the memory log beside NATS and one relay beside several, in turns. Every delivery is
checked. The load has a core of its own; relays and NATS share the others, one each as far as they
go.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from bench.generator import generate
from bench.ladder import LADDER, Row
from bench.load import Result
from bench.nats_server import nats_running, program, version
from bench.server import running
from bench.share import CannotLimit, limited

_LIGHT: Final = LADDER["light-1k"]
_CROWD: Final = LADDER["hundred-4k"]
_RATES: Final = range(500, 4001, 500)  # messages a second of each sender
_SHARED_RATE: Final = 1000  # the same, where one relay is held against two
_PART: Final = 0.25  # of a core that each relay has, where two are to carry more than one
_PART_RATES: Final = range(200, 4001, 200)
_LOGS, _RELAYS, _RATE, _PARTS_OF_CORES = _PARTS = ("logs", "relays", "rate", "parts")
_KEPT_UP: Final = 0.98  # of what is offered: below that the senders were slowed


@dataclass(frozen=True, slots=True)
class Site:
    """So many relays, with NATS or without; latencies may be so many ms above the memory log's."""

    name: str
    relays: int = 1
    has_nats: bool = True
    part: float | None = None  # of a core that each relay may use; None: all of it
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load came to; CPU times are seconds."""

    result: Result
    relays: Sequence[float]
    nats: float

    @property
    def busiest(self) -> float:
        """Microseconds for each delivery of the relay that used most."""
        return max(self.relays) / max(self.result.deliveries, 1) * 1e6


MEMORY: Final = Site("one relay, memory log", has_nats=False)
ONE: Final = Site("one relay, NATS", p50=2, p99=5)
TWO: Final = Site("two relays, NATS", relays=2)
THREE: Final = Site("three relays, NATS", relays=3, p50=5)


class Bench:
    """Puts loads on sites; `is_exact` says whether nothing was lost below the highest rate."""

    def __init__(self, nats: str, cores: Sequence[int], seconds: float) -> None:
        self.is_exact = True
        self._nats = nats
        *self._cores, self._load_core = cores
        self._seconds = seconds

    def put(self, row: Row, site: Site) -> Outcome:
        """Put a load on a site that is started for it."""
        cores = [self._cores[at % len(self._cores)] for at in range(site.relays + 1)]
        with ExitStack() as stack:
            settings: dict[str, Any] = {}
            servers = []
            if site.has_nats:
                nats = stack.enter_context(nats_running(self._nats, cores[-1]))
                settings["NATS_URL"] = f"nats://127.0.0.1:{nats.port}"
            for core in cores[: site.relays]:
                servers.append(stack.enter_context(running("relay", core, **settings)))
                if site.part is not None:
                    stack.enter_context(limited(servers[-1].pid, site.part))
            load = row.load(self._seconds, servers)
            if site.has_nats:
                load = replace(load, pids=[*load.pids, nats.pid], is_shared=True)
            result = generate(load, self._load_core)
        nats_cpu = result.cpus[-1] if site.has_nats else 0.0
        return Outcome(result, result.cpus[: site.relays], nats_cpu)

    def alternate(self, row: Row, sites: Sequence[Site], rounds: int) -> list[list[Outcome]]:
        """Return the outcomes of each site, taken in turns; every second turn goes backwards."""
        found: list[list[Outcome]] = [[] for _ in sites]
        for number in range(rounds):
            turns = list(zip(sites, found, strict=True))
            for site, outcomes in turns if number % 2 else reversed(turns):
                outcome = self.put(row, site)
                self.is_exact &= outcome.result.is_exact
                outcomes.append(outcome)
        return found

    def climb(self, site: Site, rates: Sequence[int]) -> list[tuple[Row, Outcome]]:
        """Raise the rate until a site loses something, or does not keep up; that is the last.

        It is tried twice: a machine of few cores may have had something else to do.
        """
        taken = []
        for rate in rates:
            row = replace(_CROWD, rate=rate)
            for _ in range(2):
                outcome = self.put(row, site)
                taken.append((row, outcome))
                if holds(outcome.result):
                    break
            else:
                break
        return taken


def holds(result: Result) -> bool:
    """Whether all that was offered was delivered, while it was offered."""
    return result.is_exact and result.delivered >= _KEPT_UP * result.offered


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print tables in Markdown; return 1 if something was lost, 2 if nothing runs."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="of each comparison (default: 5)")
    add("--seconds", type=float, default=4.0, help="of each load (default: 4)")
    add(
        "--parts", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART", help=", ".join(_PARTS)
    )
    options = parser.parse_args(arguments)
    cores, nats = sorted(os.sched_getaffinity(0)), program()
    if len(cores) < 2 or nats is None:
        missing = "nats-server: apt-get install nats-server" if nats is None else "a second core"
        print(f"bench: this needs {missing}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {version(nats)}, {len(cores)} cores\n")
    bench = Bench(nats, cores, options.seconds)
    try:
        if _LOGS in options.parts:
            _compare_logs(bench, options.rounds)
        if _RELAYS in options.parts:
            _compare_relays(bench, options.rounds)
        if _RATE in options.parts:
            _climb(bench, [ONE, TWO] if len(cores) >= 4 else [ONE], _RATES)
        if _PARTS_OF_CORES in options.parts:
            print(f"\nEach relay may use {_PART:.0%} of a core:")
            parts = [replace(site, part=_PART) for site in (ONE, TWO)]
            _climb(bench, parts, _PART_RATES)
    except CannotLimit as reason:
        print(f"bench: what two relays carry was not measured: {reason}", file=sys.stderr)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"bench: the load generator failed: {error}", file=sys.stderr)
        return 1
    return 0 if bench.is_exact else 1


def _compare_logs(bench: Bench, rounds: int) -> None:
    sites = (MEMORY, ONE, THREE)
    taken = bench.alternate(_LIGHT, sites, rounds)
    print(
        f"{_LIGHT}: medians of {rounds} rounds; what is above the memory log is the median of the "
        "differences within a round.\n\n"
        "| site | p50 ms | above | at most | p99 ms | above | at most | CPU of relays s "
        "| CPU of NATS s | exact |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    )
    for site, outcomes in zip(sites, taken, strict=True):
        cells = []
        for read, most in ((_p50, site.p50), (_p99, site.p99)):
            above = [read(one) - read(base) for one, base in zip(outcomes, taken[0], strict=True)]
            cells += [
                f"{median(map(read, outcomes)):.2f}",
                "" if site is MEMORY else f"{median(above):+.2f}",
                "" if most is None else f"{most:g}",
            ]
        cells += _cpu(outcomes)
        print(f"| {site.name} | {' | '.join(cells)} |")
    sys.stdout.flush()


def _compare_relays(bench: Bench, rounds: int) -> None:
    sites = (ONE, TWO)
    row = replace(_CROWD, rate=_SHARED_RATE)
    taken = bench.alternate(row, sites, rounds)
    print(
        f"\n{row}: medians of {rounds} rounds.\n\n"
        "| site | delivered/s | p50 ms | p99 ms | CPU of relays s | CPU of NATS s | exact "
        "| busiest relay, CPU µs each | of one relay's |\n"
        "|---|---:|---:|---:|---:|---:|---|---:|---:|"
    )
    for site, outcomes in zip(sites, taken, strict=True):
        ratios = [one.busiest / base.busiest for one, base in zip(outcomes, taken[0], strict=True)]
        cells = [
            f"{median(one.result.delivered for one in outcomes):,.0f}",
            f"{median(map(_p50, outcomes)):.1f}",
            f"{median(map(_p99, outcomes)):.1f}",
            *_cpu(outcomes),
            f"{median(one.busiest for one in outcomes):.3f}",
            "" if site is ONE else f"{median(ratios):.2f}",
        ]
        print(f"| {site.name} | {' | '.join(cells)} |")
    sys.stdout.flush()


def _climb(bench: Bench, sites: Sequence[Site], rates: Sequence[int]) -> None:
    print(
        "\n| site | load | offered/s | delivered/s | exact | p50 ms | p99 ms | CPU of relays s "
        "| CPU of NATS s |\n|---|---|---:|---:|---|---:|---:|---:|---:|"
    )
    highest: dict[str, float] = {}
    for site in sites:
        for row, outcome in bench.climb(site, rates):
            result = outcome.result
            if holds(result):
                highest[site.name] = result.delivered
            *cpu, exact = _cpu([outcome])
            cells = [f"{row}", f"{result.offered:,.0f}", f"{result.delivered:,.0f}", exact]
            cells += [f"{result.p50:.1f}", f"{result.p99:.1f}", *cpu]
            print(f"| {site.name} | {' | '.join(cells)} |", flush=True)
    for site in sites:
        most = highest.get(site.name, 0)
        print(f"\nThe highest rate that {site.name}, holds: {most:,.0f} deliveries a second.")


def _cpu(outcomes: Sequence[Outcome]) -> list[str]:
    """Return cells: CPU of the relays and of NATS, and whether everything was exact."""
    results = [outcome.result for outcome in outcomes]
    faults: Mapping[str, int] = {
        name: sum(getattr(result, name) for result in results)
        for name in ("missing", "wrong", "closed")
    }
    verdict = ", ".join(f"{count} {name}" for name, count in faults.items() if count) or "yes"
    relays = median(sum(outcome.relays) for outcome in outcomes)
    return [f"{relays:.2f}", f"{median(one.nats for one in outcomes):.2f}", verdict]


def _p50(outcome: Outcome) -> float:
    return outcome.result.p50


def _p99(outcome: Outcome) -> float:
    return outcome.result.p99


if __name__ == "__main__":
    sys.exit(main())
