"""`/health`, `/ready`, `/metrics`, `/rooms`: what the relay tells of itself."""

import heapq
import time
from typing import Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from relay import __version__
from relay.access import grants
from relay.names import RoomName
from relay.web.context import CONTEXT, Context, bearer, json_response, room_name, verify

_MOST_ROOMS: Final = 1000


async def health(request: web.Request) -> web.Response:
    """Who is here, which release this is, and what it has done; 503 while draining.

    Where tokens are on, names are shown only for the rooms that the request's token admits to.
    """
    context = request.app[CONTEXT]
    settings, totals, rooms = context.settings, context.hub.totals, context.hub.rooms
    grant = _grant(request, context)
    users = [
        user
        for name, room in rooms.items()
        if _is_visible(name, grant, context)
        for user in room.members
    ]
    draining = context.drain.is_draining
    return json_response(
        {
            "status": "draining" if draining else "healthy",
            "users": sorted(users),  # one who is in two rooms is listed twice
            "count": sum(len(room.members) for room in rooms.values()),
            "version": __version__,
            "commit": settings.release_commit,
            "deployed_at": settings.release_time,
            "deployed_by": settings.release_actor,
            **uptime(context),
            "rooms": len(rooms),
            "totals": {
                "connections": context.roster.arrived,
                "messages": totals.messages,
                "bytes": totals.bytes,
                "batches": totals.batches,
                "deliveries": totals.deliveries,
                "delivered_bytes": totals.delivered_bytes,
                "skipped": totals.skipped,
                "closed": dict(context.roster.left),
            },
        },
        503 if draining else 200,
    )


def uptime(context: Context) -> dict[str, Any]:
    """Return for how long this process and the service have run, and the last handover.

    The service goes on when another process takes over.
    """
    watch, last = context.watch, context.watch.handover
    return {
        "uptime_seconds": round(time.monotonic() - context.started, 3),
        "service_uptime_seconds": round(time.time() - watch.serving_since, 3),
        "handovers": watch.handovers,
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
    elif context.heartbeat.is_overloaded:
        reason = "relay is short of memory"
    elif len(context.roster.clients) >= context.max_connections:
        reason = f"relay has {len(context.roster.clients)} connections, its limit"
    if reason is not None:
        return json_response({"ready": False, "error": reason}, 503)
    return json_response({"ready": True})


async def metrics(request: web.Request) -> web.Response:
    """Prometheus metrics in the text format."""
    body = generate_latest(request.app[CONTEXT].metrics)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def rooms(request: web.Request) -> web.Response:
    """The rooms that most are in, up to a thousand, and how many rooms there are."""
    context = request.app[CONTEXT]
    grant = _grant(request, context)
    visible = (
        (-len(room.members), name)
        for name, room in context.hub.rooms.items()
        if _is_visible(name, grant, context)
    )
    largest = heapq.nsmallest(_MOST_ROOMS, visible)
    listed = [{"room": name, "count": -negative} for negative, name in largest]
    return json_response({"rooms": listed, "count": len(context.hub.rooms)})


async def room(request: web.Request) -> web.Response:
    """One room's members; a room that nobody is in is empty, not missing."""
    context = request.app[CONTEXT]
    name = room_name(request.match_info["room"])
    found = context.hub.rooms.get(name)
    users = sorted(found.members) if found else []
    visible = _is_visible(name, _grant(request, context), context)
    return json_response({"room": name, "users": users if visible else [], "count": len(users)})


def _grant(request: web.Request, context: Context) -> grants.Grant | None:
    secret, token = context.settings.jwt_secret, bearer(request)
    return verify(token, secret) if secret is not None and token else None


def _is_visible(name: RoomName, grant: grants.Grant | None, context: Context) -> bool:
    if context.settings.jwt_secret is None:
        return True
    return grant is not None and name in grant.rooms
