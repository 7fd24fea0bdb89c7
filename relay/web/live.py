"""`GET /live`: what the dashboard draws, one sample each second, for the last ten minutes.

A sample reads a dozen counters that the relay keeps anyway: nothing is added per message.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from relay import __version__, clock, process_memory
from relay.edge.counters import Counters
from relay.edge.roster import Roster
from relay.room.hub import Hub
from relay.web.answers import json_response
from relay.web.context import CONTEXT
from relay.web.refusals import Refusal, quoted
from relay.web.status import uptime
from relay.web.target import query_of

if TYPE_CHECKING:
    from relay.edge.nats.cluster import Cluster

_PERIOD: Final = 1.0  # seconds between two samples
_KEPT: Final = 600  # samples

FIELDS: Final = (
    "time",  # Unix time, seconds
    "connections",
    "rooms",
    "messages",  # accepted since the start, and so for all that follow
    "bytes",
    "batches",
    "deliveries",
    "delivered_bytes",
    "loop_delay",  # seconds that the event loop was late, at the moment of the sample
    "refused",  # requests and handshakes, by any status from 400 on
    "cpu",  # seconds of one core that this process has used
    "memory",  # bytes that this process uses
)

Sample = tuple[float | int | None, ...]  # null: not known


class Samples:
    """The last ten minutes, and how many samples were ever taken."""

    def __init__(self, hub: Hub, roster: Roster, counters: Counters) -> None:
        self.taken = 0
        self._hub = hub
        self._roster = roster
        self._counters = counters
        self._kept: deque[Sample] = deque(maxlen=_KEPT)
        self._now = clock.steady()
        self.life = f"{time.time_ns():x}"  # tells this relay's samples from its predecessor's

    def now(self) -> float:
        """Return Unix time in seconds, by a clock that only moves on."""
        return self._now()

    def since(self, seen: int) -> list[Sample]:
        """Return the samples that come after the first `seen`, as far as they are kept."""
        count = min(max(self.taken - seen, 0), len(self._kept))
        return list(islice(self._kept, len(self._kept) - count, None))

    def snapshot(self) -> dict[str, Any]:
        """Return the samples, as JSON can hold them."""
        return {"life": self.life, "taken": self.taken, "kept": list(self._kept)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the samples of another relay, as one life."""
        self.life, self.taken = state["life"], state["taken"]
        self._kept.clear()
        # The release before may have had fewer fields: what it did not know is null.
        missing = (None,) * len(FIELDS)
        for sample in state["kept"]:
            self._kept.append((*sample, *missing)[: max(len(sample), len(FIELDS))])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take samples for as long as the context is open."""
        sample_task = asyncio.create_task(self._run(), name="samples")
        try:
            yield
        finally:
            sample_task.cancel()
            with suppress(asyncio.CancelledError):
                await sample_task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._take(max(loop.time() - due, 0.0))
            due = max(due + _PERIOD, loop.time())
            await asyncio.sleep(due - loop.time())

    def _take(self, late: float) -> None:
        totals = self._hub.totals
        self._kept.append(
            (
                round(self.now(), 3),
                len(self._roster.clients),
                len(self._hub.rooms),
                totals.messages,
                totals.bytes,
                totals.batches,
                totals.deliveries,
                totals.delivered_bytes,
                round(max(late, self._counters.loop_delay), 5),
                self._counters.refused.total(),
                round(time.process_time(), 3),
                process_memory.resident(),
            )
        )
        self.taken += 1


SAMPLES: Final = web.AppKey("samples", Samples)


async def sampling(app: web.Application) -> AsyncIterator[None]:
    """Take samples while the application runs."""
    async with app[SAMPLES].running():
        yield


async def live(request: web.Request) -> web.Response:
    """The samples behind the first `since`, and what changes less often.

    It tells numbers and no names, so it asks for no token.
    """
    context, samples = request.app[CONTEXT], request.app[SAMPLES]
    since = query_of(request).get("since", "0")
    if not (since.isascii() and since.isdigit() and len(since) <= 15):
        raise Refusal(400, f"since={quoted(since)}: expected a number of samples")
    settings = context.settings
    return json_response(
        {
            "status": "draining" if context.drain.is_draining else "healthy",
            "version": __version__,
            "commit": settings.release_commit,
            "deployed_at": settings.release_time,
            **uptime(context),
            "closed": dict(context.roster.left),
            "refused": {str(status): count for status, count in context.counters.refused.items()},
            "limits": {
                "memory": context.memory_limit,
                "connections": context.max_connections,
            },
            "nats": _nats(context.cluster) if context.cluster else None,
            "time": samples.now(),
            "life": samples.life,
            "taken": samples.taken,
            "fields": FIELDS,
            "samples": samples.since(int(since)),
        }
    )


def _nats(cluster: "Cluster") -> dict[str, Any]:
    """Return what there is to know of a log that relays share; times in seconds."""
    latency = cluster.rooms.latency
    return {
        "up": not cluster.is_away,
        "latency": {"p50": latency.quantile(0.5), "p99": latency.quantile(0.99)},
        "unacknowledged": cluster.rooms.under_way,
        "relays": {cluster.relay: cluster.count(), **cluster.peers.members},
    }
