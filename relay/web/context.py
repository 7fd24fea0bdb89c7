"""What the handlers share, and the refusals they raise."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry

from relay.access import grants
from relay.access.addresses import client_address
from relay.access.origins import origin_allowed
from relay.edge.drain import Drain
from relay.edge.floor import Floor
from relay.edge.handover.service import Service
from relay.edge.heartbeat import Heartbeat
from relay.edge.roster import Roster
from relay.edge.watch import Watch
from relay.names import BadName, RoomName, check
from relay.room.hub import Hub
from relay.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """One relay, as its handlers see it."""

    settings: Settings
    floor: Floor
    service: Service
    hub: Hub
    roster: Roster
    drain: Drain
    heartbeat: Heartbeat
    watch: Watch
    metrics: CollectorRegistry
    max_connections: int
    started: float = field(default_factory=time.monotonic)


CONTEXT: Final = web.AppKey("context", Context)
_SHOWN: Final = 64  # characters of what a client sent


class Refusal(Exception):
    """An HTTP answer that says in one sentence why a request is refused."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.headers = dict(headers or {})


def quoted(text: str) -> str:
    """Return what a client sent as it may stand in a sentence and a log: one line, not long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def json_response(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `data` as JSON that no cache keeps."""
    return web.Response(
        body=orjson.dumps(data),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def room_name(name: str) -> RoomName:
    """Return the name of a room, or refuse it."""
    try:
        return RoomName(check("room", name))
    except BadName as error:
        raise Refusal(400, str(error)) from None


def address_of(request: web.Request, settings: Settings) -> str:
    """Return the client's address, behind trusted proxies too."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    return client_address(request.remote or "", forwarded, settings.trusted_proxies)


def check_origin(request: web.Request, settings: Settings) -> None:
    """Refuse a browser's page that is not allowed to use this relay."""
    origin = request.headers.get("Origin")
    if not origin_allowed(origin, request.host, settings.allowed_origins):
        raise Refusal(403, f"origin {quoted(origin or '')} is not in ALLOWED_ORIGINS")


def bearer(request: web.Request) -> str | None:
    """Return the token of the Authorization header, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def verify(token: str | None, secret: str) -> grants.Grant:
    """Return what the token grants, or refuse it."""
    challenge = {"WWW-Authenticate": "Bearer"}
    if not token:
        raise Refusal(401, "token required", challenge)
    try:
        return grants.verify(token, secret)
    except grants.Refused as error:
        raise Refusal(401, str(error), challenge) from None
