"""`make bench`: the ladder, the relay and the stock loop in turn on one core, the load on another.

Whatever the machine does besides, both see it: compare within one run only. With `--against`, the
relays of two source trees take turns instead.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from bench import comparison, load_tester
from bench.comparison import Figures
from bench.generator import generate, run
from bench.idle import Result as Idle
from bench.idle import rest
from bench.ladder import LADDER, NAMES, REST, SILENT, TESTER, TESTER_MANY, Row
from bench.load import Result
from bench.server import ROOT, running

_SERVERS: Final = {"relay": "relay", "stock loop": "bench.stock"}  # modules
_HEADER: Final = (
    "| clients | load | server | offered/s | delivered/s | exact | p50 ms | p99 ms | worst ms "
    "| CPU s | CPU µs each | generator late ms |\n"
    "|---|---|---|---:|---:|---|---:|---:|---:|---:|---:|---:|"
)


class Bench:
    """Runs servers on one core and loads on another; `is_exact` says whether each relay was."""

    def __init__(self, cores: Sequence[int], seconds: float, silent: int, rest: float) -> None:
        self.is_exact = True
        self._server_core, self._load_core = cores[:2]
        self._seconds = seconds
        self._silent = silent  # connections
        self._rest = rest  # seconds

    def load(self, row: Row, name: str = "relay", tree: Path = ROOT) -> Result:
        """Put a row's load on a server."""
        with running(_SERVERS[name], self._server_core, tree) as server:
            load = row.load(self._seconds, [server])
            result = generate(load, self._load_core)
        self.is_exact &= result.is_exact or name != "relay"
        return result

    def silent(self, tree: Path = ROOT) -> Idle:
        """Open many connections to a relay that say nothing."""
        with running("relay", self._server_core, tree) as server:
            numbers = (server.port, server.pid, self._silent, self._rest)
            return Idle(**run("bench.idle", *map(str, numbers), core=self._load_core))

    def rest(self, tree: Path = ROOT) -> float:
        """Return the percentage of a core that a relay needs to which nobody is connected."""
        with running("relay", self._server_core, tree) as server:
            return rest(server, self._rest)

    def tester(self, tree: Path = ROOT) -> load_tester.Result:
        """Have a tree's load tester carry what it can, against this checkout's relay."""
        with running("relay", self._server_core) as server:
            return load_tester.carry(server.port, tree, self._load_core, self._seconds)

    def tester_memory(self, tree: Path = ROOT) -> float:
        """Return what each of 10,000 connections costs a tree's load tester, in KB."""
        with running("relay", self._server_core) as server:
            return load_tester.bytes_each(server.port, tree, self._load_core) / 1024

    def figures(self, name: str, tree: Path) -> Figures:
        """Return what is compared of a row."""
        if name == REST:
            return {"CPU %": self.rest(tree)}
        if name == SILENT:
            idle = self.silent(tree)
            return {
                "KB each": idle.bytes_each / 1024,
                "CPU %": idle.cpu_percent,
                "opened/s": idle.per_second,
            }
        if name == TESTER:
            carried = self.tester(tree)
            return {"delivered/s": carried.delivered, "CPU µs each": carried.cpu_each}
        if name == TESTER_MANY:
            return {"KB each": self.tester_memory(tree)}
        result = self.load(LADDER[name], tree=tree)
        return {
            "CPU s": result.cpu,
            "CPU µs each": result.cpu_each,
            "p50 ms": result.p50,
            "p99 ms": result.p99,
            "delivered/s": result.delivered,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print tables in Markdown; exit with 1 if a relay was not exact."""
    options = _parser().parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print(
            "bench: two cores are needed, one for the server and one for the load", file=sys.stderr
        )
        return 2
    bench = Bench(cores, options.seconds, options.idle, options.rest)
    print(f"Python {platform.python_version()}, {platform.machine()}, {len(cores)} cores\n")
    if options.against is None:
        _climb(bench, [row for name, row in LADDER.items() if name in options.rows])
        _idle(bench, options.rows)
    else:
        other = options.against.resolve()
        print(f"This is {ROOT}, the other {other}.\n\n{comparison.HEADER}")
        for name in options.rows:
            _compare(name, partial(bench.figures, name), other, options.pairs)
    return 0 if bench.is_exact else 1


def _climb(bench: Bench, loads: Sequence[Row]) -> None:
    """Print a line per load and server, and how many times as much the relay delivers."""
    if loads:
        print(_HEADER)
    ratios = []
    for row in loads:
        delivered = {}
        for name in _SERVERS if row.with_stock else ("relay",):
            result = bench.load(row, name)
            delivered[name] = result.delivered
            print(_line(row, name, result), flush=True)
        if row.with_stock:
            ratio = delivered["relay"] / max(delivered["stock loop"], 1)
            ratios.append(
                f"{ratio:.0f} times with {row.clients} clients that are sent {row.rate}/s by "
                f"{row.senders}"
            )
    if ratios:
        print(f"\nThe relay delivers {'; '.join(ratios)} as much as the stock loop.")


def _idle(bench: Bench, names: Sequence[str]) -> None:
    if SILENT in names:
        idle = bench.silent()
        print(
            f"\n{idle.connections} idle connections: {idle.per_second:.0f} opened a second, "
            f"{idle.bytes_each / 1024:.1f} KB of memory each, {idle.cpu_percent:.1f} % of a core."
        )
    if REST in names:
        print(f"\nNobody connected: {bench.rest():.2f} % of a core.")
    if TESTER in names:
        carried = bench.tester()
        print(
            f"\nThe load tester accounts for {carried.delivered:,.0f} deliveries a second "
            f"({carried.lost} lost), {carried.cpu_each:.2f} µs of CPU each."
        )
    if TESTER_MANY in names:
        print(f"\nThe load tester needs {bench.tester_memory():.1f} KB for each connection.")


def _compare(name: str, measure: Callable[[Path], Figures], other: Path, pairs: int) -> None:
    taken = comparison.alternate(partial(measure, ROOT), partial(measure, other), pairs)
    for line in comparison.lines(name, taken):
        print(line, flush=True)


def _line(row: Row, name: str, result: Result) -> str:
    verdict = (
        "yes"
        if result.is_exact
        else f"{result.missing} missing, {result.wrong} wrong, {result.closed} closed"
    )
    return (
        f"| {row.clients} | {row} | {name} | {result.offered:,.0f} | {result.delivered:,.0f} "
        f"| {verdict} | {result.p50:.2f} | {result.p99:.2f} | {result.worst:.1f} "
        f"| {result.cpu:.2f} | {result.cpu_each:.2f} | {result.late:.1f} |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--against", type=_tree, help="another checkout to compare this one with")
    parser.add_argument("--pairs", type=int, default=5, help="of each row then (default: 5)")
    parser.add_argument(
        "--rows", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES)
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load (default: 5)")
    parser.add_argument(
        "--idle", type=int, default=10_000, help="idle connections (default: 10000)"
    )
    parser.add_argument(
        "--rest", type=float, default=10.0, help="seconds of an idle relay (default: 10)"
    )
    return parser


def _tree(path: str) -> Path:
    tree = Path(path)
    if not (tree / "relay" / "__main__.py").is_file():
        raise argparse.ArgumentTypeError(f"{path} has no relay/__main__.py: name a checkout")
    return tree


if __name__ == "__main__":
    sys.exit(main())
