"""How fast clients connect, and what one costs that says nothing.

`python -m bench.idle PORT PID COUNT` prints connections a second and bytes each as JSON.
"""

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.client import connect

_STEP = 1000  # connections opened at a time


@dataclass(frozen=True, slots=True)
class Result:
    connections: int
    per_second: float
    bytes_each: float


def measure(port: int, pid: int, count: int) -> Result:
    """Open `count` WebSockets to the server whose process is `pid`."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    count = min(count, limit - 200)
    before = _resident(pid)
    start = time.monotonic()
    clients = connect(count, 1, port, at_once=_STEP)
    seconds = time.monotonic() - start
    return Result(len(clients), count / seconds, (_resident(pid) - before) / count)


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    port, pid, count = map(int, sys.argv[1:])
    print(json.dumps(asdict(measure(port, pid, count))))
