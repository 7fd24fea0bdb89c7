"""`make bench`: the ladder, the relay and the stock loop in turn on one core, the load on another.

Whatever the machine does besides, both see it: compare within one run only.
"""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.idle import Result as Idle
from bench.load import Load, Result

_ROOT: Final = Path(__file__).parent.parent
_SERVERS: Final = {"relay": ["relay"], "stock loop": ["bench.stock"]}
_LADDER: Final = (
    # clients, senders, messages a second of each sender, bytes, also the stock loop
    (10, 10, 100, 1024, False),
    (10, 10, 1_000, 1024, False),
    (10, 10, 15_000, 128, True),
    (10, 10, 20_000, 128, False),
    (100, 10, 4_000, 128, True),
    (100, 10, 8_000, 128, True),
    (1000, 10, 200, 128, True),
    (1000, 10, 400, 128, False),
)
_HEADER: Final = (
    "| clients | load | server | offered/s | delivered/s | exact | p50 ms | p99 ms | worst ms |\n"
    "|---|---|---|---:|---:|---|---:|---:|---:|"
)


def main() -> int:
    """Run the ladder and print a table in Markdown; exit with 1 if the relay was not exact."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load (default: 5)")
    parser.add_argument(
        "--idle", type=int, default=10_000, help="idle connections (default: 10000)"
    )
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print(
            "bench: two cores are needed, one for the server and one for the load", file=sys.stderr
        )
        return 2
    server_core, load_core = cores[0], cores[1]
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {len(cores)} cores\n\n{_HEADER}"
    )
    ratios, exact = [], True
    for clients, senders, rate, size, with_stock in _LADDER:
        delivered = {}
        for name in _SERVERS if with_stock else ("relay",):
            with _server(name, server_core) as (port, _):
                load = Load(port, clients, senders, rate, size, options.seconds)
                result = Result(**_run(load_core, "bench.load", json.dumps(asdict(load))))
            delivered[name] = result.delivered
            exact &= result.is_exact or name != "relay"
            print(_row(load, name, result), flush=True)
        if with_stock:
            ratio = delivered["relay"] / max(delivered["stock loop"], 1)
            ratios.append(
                f"{ratio:.0f} times with {clients} clients that are sent {rate}/s by {senders}"
            )
    print(f"\nThe relay delivers {'; '.join(ratios)} as much as the stock loop.")
    with _server("relay", server_core) as (port, pid):
        idle = Idle(**_run(load_core, "bench.idle", str(port), str(pid), str(options.idle)))
    print(
        f"\n{idle.connections} idle connections: {idle.per_second:.0f} opened a second, "
        f"{idle.bytes_each / 1024:.1f} KB of memory each."
    )
    return 0 if exact else 1


def _row(load: Load, name: str, result: Result) -> str:
    what = f"{load.senders} send {load.rate:.0f}/s of {load.size} B"
    verdict = (
        "yes"
        if result.is_exact
        else f"{result.missing} missing, {result.wrong} wrong, {result.closed} closed"
    )
    return (
        f"| {load.clients} | {what} | {name} | {result.offered:,.0f} | {result.delivered:,.0f} "
        f"| {verdict} | {result.p50:.1f} | {result.p99:.1f} | {result.worst:.1f} |"
    )


@contextmanager
def _server(name: str, core: int) -> Iterator[tuple[int, int]]:
    """Run a server on a core; yield its port and process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *_SERVERS[name]],
        cwd=_ROOT,
        env={**os.environ, "PORT": str(port), "LOG_LEVEL": "error", "DRAIN_WINDOW": "0s"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise SystemExit(f"bench: {name} did not start") from None
                time.sleep(0.02)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def _run(core: int, module: str, *arguments: str) -> dict[str, Any]:
    """Run a module on a core; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.PIPE,
        check=True,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
