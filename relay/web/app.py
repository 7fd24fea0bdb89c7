"""The application: all parts of one relay, put together, and its routes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from time import monotonic
from typing import Final

from aiohttp import web

from relay import clock, process_memory
from relay.access import admission
from relay.access.access import Access
from relay.account import Account
from relay.edge.counters import Counters
from relay.edge.drain import Drain
from relay.edge.handover.service import Carried, Service
from relay.edge.heartbeat import Heartbeat
from relay.edge.key_sets import KeySet
from relay.edge.memory import HELD, Memory
from relay.edge.non_members import NonMembers
from relay.edge.roster import Roster
from relay.edge.runtime import Runtime
from relay.edge.turns import Turns
from relay.edge.watchdog import beat_period
from relay.member.terms import Terms
from relay.metrics import RelayCollector, registry
from relay.room.hub import Hub
from relay.room.log import Log, LogState, OnEntry
from relay.room.memory_log import MemoryLog
from relay.room.shared import Shared
from relay.room.tail import Budget, Retention
from relay.settings import Settings
from relay.web import (
    admin,
    counts,
    inspect,
    live,
    pages,
    publish,
    rooms,
    sharing,
    status,
    traffic,
    websocket,
)
from relay.web.context import CONTEXT, Context
from relay.web.http_protocol import answer_expectation
from relay.web.middleware import answer_refusals
from relay.web.refusals import RefusalLog
from relay.web.renewal import Renewal
from relay.wire.parser import Parser

NewLog = Callable[[OnEntry, Retention, LogState | None], Log]

_NON_MEMBERS_SHARE: Final = 4  # a quarter of what may be held is for those who are no members
_HISTORY_SHARE: Final = 8  # one eighth of the memory limit is for all rooms' history


def create_app(settings: Settings, file_limit: int, new_log: NewLog = MemoryLog) -> web.Application:
    """Build the relay for the running event loop; nothing runs before the application starts.

    Raises `SettingsError` for keys that are none.
    """
    access = Access(settings)
    key_set = KeySet(settings.jwks_url, access.replace_key_set) if settings.jwks_url else None
    loop = asyncio.get_running_loop()
    memory_limit = process_memory.limit()
    account, counters = Account(), Counters()
    retention = Retention(
        settings.history_size,
        settings.history_age,
        Budget(memory_limit // _HISTORY_SHARE),
        clock.steady(),
    )
    shared = Shared(
        secrets.token_hex(6),
        loop.call_soon,
        account,
        clock=monotonic,
        leave_grace=settings.leave_grace,
        session_age=settings.history_age,
    )
    cluster = None
    if settings.nats_url:
        from relay.edge.nats.cluster import Cluster  # its library is needed by nobody else

        cluster = Cluster(settings, shared, retention, access.revocations)
    hub = Hub(
        cluster.rooms.open_log
        if cluster
        else lambda _, room, state: new_log(room.on_entry, retention, state),
        shared,
    )
    memory = Memory(memory_limit, memory_limit // HELD)
    roster = Roster(account, memory.held_limit, settings.max_connections_per_ip)
    refusals = RefusalLog()

    def note(status: int, error: str) -> None:
        counters.refused[status] += 1
        refusals.write("a connection", status, error)

    share = admission.non_members(file_limit)
    non_members = NonMembers(
        share,
        memory.held_limit // _NON_MEMBERS_SHARE,
        settings.max_connections_per_ip,
        access.is_proxy,
        note,
    )
    terms = Terms(
        message_size=settings.max_message_size,
        read_buffer_size=settings.read_buffer_size,
        write_buffer_size=settings.write_buffer_size,
        account=account,
        hub=hub,
        clock=monotonic,
        new_parser=partial(Parser, loop=loop),
        message_rate=settings.message_rate,
        byte_rate=settings.byte_rate,
    )
    samples = live.Samples(hub, roster, counters)
    period = beat_period(settings.ping_interval)
    turns = Turns(loop.call_soon)
    renewal = Renewal(access, key_set)
    runtime = Runtime(
        settings, hub, roster, terms, loop, settings.ping_interval, period, turns, renewal
    )
    carried: dict[str, Carried] = {
        "totals": hub.totals,
        "roster": roster,
        "watch": counters,  # its name in the format
        "samples": samples,
        "revocations": access.revocations,
    }
    max_connections = admission.max_connections(settings, file_limit, memory_limit)
    service = Service(runtime, carried, settings.release_commit, non_members)
    if cluster is not None:
        carried["cluster"] = cluster
        service.rest, service.go_on = cluster.rest, cluster.go_on
    app = web.Application(middlewares=[answer_refusals])
    app[CONTEXT] = Context(
        settings=settings,
        access=access,
        key_set=key_set,
        runtime=runtime,
        service=service,
        hub=hub,
        roster=roster,
        drain=Drain(roster),
        heartbeat=Heartbeat(
            hub,
            roster,
            counters,
            period=period,
            history_age=settings.history_age,
            memory=memory,
            others=non_members.look,
        ),
        counters=counters,
        metrics=registry(
            RelayCollector(
                hub,
                roster,
                counters,
                lambda: retention.budget.used,
                {"connections_limit": max_connections, "memory_limit_bytes": memory_limit},
                cluster,
            )
        ),
        refusals=refusals,
        max_connections=max_connections,
        memory_limit=memory_limit,
        cluster=cluster,
    )
    if cluster is not None:
        sharing.join_cluster(app[CONTEXT], cluster)
    app[live.SAMPLES] = samples
    app[status.METRICS] = status.cached_metrics(app[CONTEXT])
    elsewhere = partial(sharing.rooms_elsewhere, cluster) if cluster is not None else None
    app[counts.COUNTS] = counts.Counts(hub, elsewhere)
    history_size = settings.history_size if settings.history_age else 0
    app[traffic.TRAFFIC] = traffic.Traffic(history_size, retention.clock)
    app.cleanup_ctx.extend((_heartbeat, _key_set, live.sampling))
    _add_routes(app)
    return app


def _add_routes(app: web.Application) -> None:
    app.router.add_get("/", pages.page("index.html"))
    app.router.add_get("/audio", pages.page("audio.html", microphone=True))
    app.router.add_get("/dashboard", pages.page("dashboard.html"))
    app.router.add_get("/dashboard/room", pages.page("room.html"))
    app.router.add_get("/docs", pages.page("docs.html"))
    app.router.add_get("/static/{path:.+}", pages.static)
    app.router.add_get("/ws/{username}", websocket.connect)
    app.router.add_get("/live", live.live)
    app.router.add_get("/health", status.health)
    app.router.add_get("/ready", status.ready)
    app.router.add_get("/metrics", status.metrics)
    app.router.add_get("/rooms", rooms.rooms)
    app.router.add_get("/rooms/{room}", rooms.room)
    app.router.add_get("/rooms/{room}/messages", inspect.messages)
    for path, handler in (
        ("/rooms/{room}/messages", publish.publish),
        ("/rooms/{room}/disconnect", admin.disconnect),
        ("/revoke", admin.revoke),
    ):
        app.router.add_post(path, handler, expect_handler=answer_expectation)


async def _heartbeat(app: web.Application) -> AsyncIterator[None]:
    async with app[CONTEXT].heartbeat.running():
        yield


async def _key_set(app: web.Application) -> AsyncIterator[None]:
    key_set = app[CONTEXT].key_set
    if key_set is None:
        yield
        return
    async with key_set.running():
        yield
