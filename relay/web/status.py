"""`/health`, `/ready`, `/metrics`: what the relay tells of itself."""

import time
from typing import Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from relay import __version__
from relay.access.grants import Grant
from relay.web.answers import json_response
from relay.web.cached import Cached
from relay.web.context import CONTEXT, Context
from relay.web.counts import COUNTS
from relay.web.credentials import decide, token_of

METRICS: Final = web.AppKey("metrics", Cached[bytes])


async def health(request: web.Request) -> web.Response:
    """Who is here, which release this is, and what it has done; 503 while draining.

    Where tokens are on, names are shown only for the rooms that the request's token admits to.
    """
    context = request.app[CONTEXT]
    settings, totals = context.settings, context.hub.totals
    seen = await request.app[COUNTS].seen(await grant_of(request, context))
    draining = context.drain.is_draining
    return json_response(
        {
            "status": "draining" if draining else "healthy",
            "users": seen.users,
            **cut(seen.are_all_users),
            "count": seen.user_count,
            "version": __version__,
            "commit": settings.release_commit,
            "deployed_at": settings.release_time,
            "deployed_by": settings.release_actor,
            **uptime(context),
            "rooms": seen.room_count,
            "totals": {
                "connections": context.roster.arrived,
                "messages": totals.messages,
                "bytes": totals.bytes,
                "batches": totals.batches,
                "deliveries": totals.deliveries,
                "delivered_bytes": totals.delivered_bytes,
                "skipped": totals.skipped,
                "slowed": context.roster.slowed,
                "closed": dict(context.roster.left),
            },
        },
        503 if draining else 200,
    )


def uptime(context: Context) -> dict[str, Any]:
    """Return for how long this process and the service have run, and the last handover.

    The service goes on when another process takes over.
    """
    counters, last = context.counters, context.counters.handover
    return {
        "uptime_seconds": round(time.monotonic() - context.started, 3),
        "service_uptime_seconds": round(time.time() - counters.serving_since, 3),
        "handovers": counters.handovers,
        "handover": last
        and {
            "at": round(last.at, 3),
            "from_commit": last.predecessor,
            "connections": last.connections,
            "frozen_seconds": last.frozen,
        },
    }


async def ready(request: web.Request) -> web.Response:
    """Whether new connections are welcome: 200, or 503 with the reason."""
    context = request.app[CONTEXT]
    reason = None
    if context.drain.is_draining:
        reason = "relay is draining"
    elif context.cluster is not None and context.cluster.is_away:
        reason = "NATS is away"
    elif context.heartbeat.is_overloaded:
        reason = "relay is short of memory"
    elif len(context.roster.clients) >= context.max_connections:
        reason = f"relay has {len(context.roster.clients)} connections, its limit"
    elif context.access.asks_for_tokens and not context.access.keys:
        reason = "the key set of JWKS_URL is not there"
    if reason is not None:
        return json_response({"ready": False, "error": reason}, 503)
    return json_response({"ready": True})


def cached_metrics(context: Context) -> Cached[bytes]:
    """Return the metrics in Prometheus's text format, read again after half a second."""

    async def read() -> bytes:
        return generate_latest(context.metrics)

    return Cached(read)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus metrics in the text format."""
    body = await request.app[METRICS].get()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def cut(is_whole: bool) -> dict[str, bool]:
    """Return what an answer says of a list that has been cut at its limit."""
    return {} if is_whole else {"truncated": True}


async def grant_of(request: web.Request, context: Context) -> Grant | None:
    token = token_of(request)
    return await decide(context, lambda: context.access.look(token))
