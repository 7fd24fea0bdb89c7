"""What is put on servers, and what came of it: values that go from process to process as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What to do: `senders` of the `clients` send `rate` messages a second of `size` bytes each.

    Clients are spread over the `ports`. `pids` are the processes whose CPU time is measured. Relays
    that share their rooms tell when all have joined, which `is_shared` waits for. All clients speak
    `relay.v1` if they are `annotated`; its notes are passed over.
    """

    ports: Sequence[int]
    clients: int
    senders: int
    rate: float
    size: int = 128
    seconds: float = 5.0
    pids: Sequence[int] = ()
    is_shared: bool = False
    annotated: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. Latencies are milliseconds after the intended time of sending."""

    offered: float  # deliveries a second
    delivered: float  # deliveries a second
    deliveries: int
    missing: int  # lost, or not delivered in time
    wrong: int  # repeated or out of order
    closed: int  # clients that the server cut off
    p50: float
    p99: float
    worst: float
    late: float  # the worst delay that is the generator's own: between due and built
    cpus: Sequence[float]  # seconds of each process, from the first message to the last delivery

    @property
    def cpu(self) -> float:
        """Seconds of CPU time of all processes that were measured; 0 without any."""
        return sum(self.cpus)

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server's CPU time per delivery; 0 without any."""
        return self.cpu / self.deliveries * 1e6 if self.deliveries else 0.0

    @property
    def is_exact(self) -> bool:
        return not (self.missing or self.wrong or self.closed)
