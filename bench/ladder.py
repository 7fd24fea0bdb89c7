"""What is measured: loads from light to heavy, and a relay that has nothing to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.load import Load
from bench.server import Server


@dataclass(frozen=True, slots=True)
class Row:
    """`senders` of the `clients` send `rate` messages a second of `size` bytes each."""

    clients: int
    senders: int
    rate: int
    size: int
    with_stock: bool = False  # also on the stock loop
    annotated: bool = False  # the clients speak `relay.v1`

    def load(self, seconds: float, servers: Sequence[Server]) -> Load:
        """Return what puts it on servers for so long."""
        ports, pids = [each.port for each in servers], [each.pid for each in servers]
        return Load(
            ports,
            self.clients,
            self.senders,
            self.rate,
            self.size,
            seconds,
            pids,
            annotated=self.annotated,
        )

    def __str__(self) -> str:
        load = f"{self.senders} of {self.clients} send {self.rate}/s of {self.size} B"
        return f"{load}, relay.v1" if self.annotated else load


LADDER: Final = {
    "light-1k": Row(10, 10, 100, 1024),
    "light-200": Row(20, 20, 50, 200),
    "ten-1k": Row(10, 10, 1_000, 1024),
    "ten-15k": Row(10, 10, 15_000, 128, with_stock=True),
    "ten-20k": Row(10, 10, 20_000, 128),
    "hundred-4k": Row(100, 10, 4_000, 128, with_stock=True),
    "hundred-4k-v1": Row(100, 10, 4_000, 128, annotated=True),
    "hundred-8k": Row(100, 10, 8_000, 128, with_stock=True),
    "hundred-8k-v1": Row(100, 10, 8_000, 128, annotated=True),
    "thousand-200": Row(1000, 10, 200, 128, with_stock=True),
    "thousand-400": Row(1000, 10, 400, 128),
}
REST: Final = "rest"  # CPU of a relay that nobody is connected to
SILENT: Final = "silent"  # many connections that say nothing: their memory, and the CPU they cost
TESTER: Final = "load-tester"  # deliveries that the load tester accounts for, on one core
TESTER_MANY: Final = "load-tester-10k"  # its memory for each of 10,000 connections
NAMES: Final = (*LADDER, SILENT, REST, TESTER, TESTER_MANY)
