"""What can be seen of the server from outside its rooms: a relay's /health and /live, and, on the
same host, what its process uses of the processor.
"""

import json
import urllib.request
from http.client import HTTPException
from ssl import SSLContext
from time import monotonic
from typing import Any

import psutil

from wsload.client.address import Address

_TIMEOUT = 3.0  # seconds
_LARGEST = 8 << 20  # bytes; a relay with many members names them all
_FACTS: dict[str, type | tuple[type, ...]] = {
    "version": str, "commit": str, "deployed_at": str, "uptime_seconds": (int, float),
}  # fmt: skip
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def relay_facts(address: Address, context: SSLContext | None) -> dict[str, Any]:
    """Version, commit and the like, as far as the relay tells; empty where it does not."""
    health = _ask(address, context, "/health")
    return {
        name: health[name] for name, kind in _FACTS.items() if isinstance(health.get(name), kind)
    }


def slowed(address: Address, context: SSLContext | None) -> int:
    """How many times the relay has slowed a sender for its rates; 0 where it does not tell."""
    totals = _ask(address, context, "/health").get("totals")
    count = totals.get("slowed") if isinstance(totals, dict) else None
    return count if isinstance(count, int) else 0


def loop_delays(address: Address, context: SSLContext | None) -> dict[int, float]:
    """By second (since the epoch, by the relay's clock): how many milliseconds its event loop was
    late; empty where it does not tell."""
    live = _ask(address, context, "/live?since=0")
    try:
        time, delay = live["fields"].index("time"), live["fields"].index("loop_delay")
        return {int(sample[time]): 1000 * float(sample[delay]) for sample in live["samples"]}
    except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError):
        return {}


class ServerProcess:
    """The process that listens on this host at an address, and its use of the processor."""

    def __init__(self, address: Address) -> None:
        self._process = _listener(address.port) if address.host in _LOCAL else None
        self._used = self._cpu()

    def percent(self) -> float | None:
        """Of one core, since the last call; none: it is not to be seen from here."""
        before, self._used = self._used, self._cpu()
        if before is None or self._used is None:
            return None
        passed = self._used[1] - before[1]
        return 100 * (self._used[0] - before[0]) / passed if passed > 0 else None

    def _cpu(self) -> tuple[float, float] | None:
        if self._process is None:
            return None
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return None
        return times.user + times.system, monotonic()


def _listener(port: int) -> psutil.Process | None:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                return psutil.Process(connection.pid) if connection.pid else None
    except (psutil.Error, OSError):
        pass
    return None


def _ask(address: Address, context: SSLContext | None, path: str) -> dict[str, Any]:
    """What a relay answers in JSON; empty: it is none, or does not."""
    scheme = "https" if address.scheme == "wss" else "http"
    url = f"{scheme}://{address.authority}{address.path}{path}"
    request = urllib.request.Request(url)  # noqa: S310 - http(s) by construction
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
            told = json.loads(answer.read(_LARGEST))
    except (OSError, HTTPException, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
