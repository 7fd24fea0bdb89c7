"""How fast clients connect, and what one costs that says nothing.

`python -m bench.idle PORT PID COUNT SECONDS` prints a `Result` as JSON.
"""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass

from bench.client import connect
from bench.server import Server, cpu_seconds, resident

_STEP = 1000  # connections opened at a time


@dataclass(frozen=True, slots=True)
class Result:
    connections: int
    per_second: float
    bytes_each: float
    cpu_percent: float  # of a core, while they say nothing


def measure(server: Server, count: int, seconds: float) -> Result:
    """Open `count` WebSockets to the server, and leave them alone for so many seconds."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(count, limit - 200)
    before = resident(server.pid)
    start = time.monotonic()
    clients = connect(count, 1, [server.port], at_once=_STEP)
    opening = time.monotonic() - start
    bytes_each = (resident(server.pid) - before) / count
    return Result(len(clients), count / opening, bytes_each, rest(server, seconds))


def rest(server: Server, seconds: float) -> float:
    """Return the percentage of a core that the server uses while nobody says anything."""
    time.sleep(1)  # until what has just happened is dealt with
    before, start = cpu_seconds(server.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(server.pid) - before) / (time.monotonic() - start) * 100


if __name__ == "__main__":
    port, pid, count = map(int, sys.argv[1:4])
    print(json.dumps(asdict(measure(Server(port, pid), count, float(sys.argv[4])))))
