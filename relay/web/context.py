"""One relay, as its handlers see it."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from relay.access.access import Access
from relay.edge.counters import Counters
from relay.edge.drain import Drain
from relay.edge.handover.service import Service
from relay.edge.heartbeat import Heartbeat
from relay.edge.key_sets import KeySet
from relay.edge.roster import Roster
from relay.edge.runtime import Runtime
from relay.room.hub import Hub
from relay.settings import Settings
from relay.web.refusals import RefusalLog

if TYPE_CHECKING:
    from relay.edge.nats.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Context:
    """What all handlers share."""

    settings: Settings
    access: Access
    key_set: KeySet | None  # None: no JWKS_URL
    runtime: Runtime
    service: Service
    hub: Hub
    roster: Roster
    drain: Drain
    heartbeat: Heartbeat
    counters: Counters
    metrics: CollectorRegistry
    max_connections: int
    memory_limit: int  # bytes that the process may use
    refusals: RefusalLog
    cluster: "Cluster | None" = None  # None: no NATS_URL
    started: float = field(default_factory=time.monotonic)


CONTEXT: Final = web.AppKey("context", Context)
