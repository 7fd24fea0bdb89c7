"""The application: routes, and one middleware that makes every refusal a sentence in JSON."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import Final

from aiohttp import web

from relay import clock, process_memory
from relay.access import admission
from relay.access.access import Access
from relay.account import Account
from relay.edge.counters import Counters
from relay.edge.doors import Doors
from relay.edge.drain import Drain, State
from relay.edge.gate import let_through
from relay.edge.handover.service import Carried, Service
from relay.edge.heartbeat import Heartbeat
from relay.edge.key_sets import KeySet
from relay.edge.memory import HELD, Memory
from relay.edge.roster import Roster
from relay.edge.runtime import Runtime
from relay.edge.turns import Turns
from relay.edge.watchdog import beat_period
from relay.member.session import Terms
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
from relay.web.answers import error_response
from relay.web.context import CONTEXT, Context
from relay.web.http_protocol import answer_expectation, ends_with_its_connection
from relay.web.refusals import Refusal, RefusalLog
from relay.web.renewal import Renewal
from relay.wire.parser import Parser

logger = logging.getLogger("relay")

NewLog = Callable[[OnEntry, Retention, LogState | None], Log]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STRANGERS_SHARE: Final = 4  # a quarter of what may be held is for those who are no members
_HISTORY_SHARE: Final = 8  # one eighth of the memory limit is for all rooms' history
# First segments of what pages of other origins may read; /ws only says why it refused an upgrade.
_CORS: Final = frozenset({"health", "live", "ready", "revoke", "rooms", "ws"})
_RETRY_AFTER: Final = "5"  # seconds, told with every 503


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
        clock=loop.time,
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

    share = admission.strangers(file_limit)
    doors = Doors(
        share,
        memory.held_limit // _STRANGERS_SHARE,
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
        clock=loop.time,
        new_parser=partial(Parser, loop=loop),
        message_rate=settings.message_rate,
        byte_rate=settings.byte_rate,
        renew=Renewal(access, key_set),
    )
    samples = live.Samples(hub, roster, counters)
    period = beat_period(settings.ping_interval)
    turns = Turns(loop.call_soon)
    runtime = Runtime(settings, hub, roster, terms, loop, settings.ping_interval, period, turns)
    carried: dict[str, Carried] = {
        "totals": hub.totals,
        "roster": roster,
        "watch": counters,  # its name in the format
        "samples": samples,
        "revocations": access.revocations,
    }
    max_connections = admission.max_connections(settings, file_limit, memory_limit)
    service = Service(runtime, carried, settings.release_commit, doors)
    if cluster is not None:
        carried["cluster"] = cluster
        service.rest, service.go_on = cluster.rest, cluster.go_on
    app = web.Application(middlewares=[_answer_refusals])
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
            others=doors.look,
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
    return app


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


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    context = request.app[CONTEXT]
    answer: web.StreamResponse
    # CONNECT names a host, not a path: there need not be a slash.
    first = request.rel_url.raw_path.removeprefix("/").partition("/")[0]
    is_json = first in _CORS
    if first != "ws":  # a handshake can be handed over until it is decided
        let_through(request.transport)
    if request.method == "OPTIONS" and is_json:
        answer = web.Response(status=204)
    else:
        busy, protocol = context.service.busy, request.protocol
        busy.add(protocol)
        try:
            with ends_with_its_connection(request) if first == "ws" else nullcontext():
                answer = await _answer(request, partial(handler, request))
        finally:
            busy.discard(protocol)
    let_through(request.transport)
    if context.drain.state is State.HANDED_OVER:  # the next request is for its successor
        answer.force_close()
    if context.service.doors.is_crowded or answer.headers.get("Connection") == "close":
        answer.force_close()
    if answer.status >= 400:
        context.counters.refused[answer.status] += 1
    if answer.status == 503:
        answer.headers["Retry-After"] = _RETRY_AFTER
    if is_json:
        _allow_origin(request, answer, context)
    return answer


async def _answer(
    request: web.Request, handle: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Return the handler's answer, or the refusal that it raised: one line in the log."""
    try:
        return await handle()
    except Refusal as refusal:
        status, error, headers = refusal.status, str(refusal), refusal.headers
    except web.HTTPMethodNotAllowed as refusal:
        status, error = 405, f"{request.method} is not allowed here"
        headers = {"Allow": refusal.headers["Allow"]}
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        status, error, headers = refusal.status, refusal.reason.lower(), {}
    except ConnectionError:
        status, error, headers = 400, "connection lost", {}
    except Exception:
        logger.exception("%s failed", request.method)
        status, error, headers = 500, "internal error", {}
    request.app[CONTEXT].refusals.write(request.method, status, error)
    return error_response(error, status, headers)


def _allow_origin(request: web.Request, answer: web.StreamResponse, context: Context) -> None:
    """Let pages of allowed origins read the answer (CORS)."""
    origin = request.headers.get("Origin")
    if "*" in context.settings.allowed_origins:
        answer.headers["Access-Control-Allow-Origin"] = "*"
    else:
        answer.headers["Vary"] = "Origin"
        if origin is None or not context.access.allows_origin(origin, ""):
            return
        answer.headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        answer.headers["Access-Control-Max-Age"] = "86400"
