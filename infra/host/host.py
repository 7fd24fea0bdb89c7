"""One host: its record, its engine, its relays, its Caddy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra.host.caddy import Caddy
from infra.host.clock import Clock, SystemClock
from infra.host.docker import Docker, Run, run_here
from infra.host.record import Record
from infra.host.relays import Relays


@dataclass(frozen=True)
class Host:
    """What every verb works with."""

    record: Record
    docker: Docker
    relays: Relays
    caddy: Caddy
    clock: Clock

    @classmethod
    def at(cls, root: Path, clock: Clock | None = None, run: Run = run_here) -> Self:
        clock = clock or SystemClock()
        engine = Docker(root, clock, run)
        return cls(Record(root), engine, Relays(engine, clock), Caddy(engine), clock)
