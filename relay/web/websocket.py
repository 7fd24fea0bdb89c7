"""`GET /ws/{username}`: everything that is decided before the upgrade, and the upgrade."""

import asyncio
import re
import time
from typing import Final

from aiohttp import web

from relay.access import grants
from relay.access.addresses import address_group
from relay.edge.connection import Connection
from relay.edge.gate import let_through
from relay.member.session import Options, Session, begin
from relay.names import BadName, RoomName, UserName, check
from relay.web.context import (
    CONTEXT,
    Context,
    Refusal,
    address_of,
    bearer,
    check_origin,
    quoted,
    room_name,
    verify,
)
from relay.web.upgrade import Switched, switch_protocols
from relay.wire.closing import Reason

_OPTIONS: Final = ("room", "echo", "history", "lag", "token")
_BEARER: Final = "bearer."
_MAX_HISTORY: Final = 1_000_000  # messages; no log holds more


async def connect(request: web.Request) -> web.StreamResponse:
    """Let a client in; a plain GET gets the same refusals, and 426 where an upgrade would do."""
    context = request.app[CONTEXT]
    if _is_draining(context):
        return _turn_away(request)
    room, options = _options(request, context)
    await _check_name(context, room, options)
    if _is_draining(context):
        return _turn_away(request)
    holder = _holder(context, room, options.user)
    _check_capacity(context, options, holder)
    subprotocol = _check_handshake(request)
    # From here to the end there is no `await`: whatever was checked still holds.
    transport = request.transport
    if transport is None or transport.is_closing():
        return Switched()
    if holder is not None:
        holder.close(Reason.TAKEN_OVER.close(user=options.user), 0)
    let_through(transport)
    answer, early = switch_protocols(request, subprotocol)
    state = begin(options, context.floor.loop.time())
    connection = Connection(transport, context.hub.room(room), state, context.floor)
    connection.start(answer, early)
    return Switched()


def _is_draining(context: Context) -> bool:
    return context.drain.is_draining  # it can change at every `await`


def _turn_away(request: web.Request) -> web.StreamResponse:
    """Answer nothing, so that a proxy tries another relay; a 503 it would hand to the client."""
    if request.transport is not None:
        request.transport.abort()
    return Switched()


def _holder(context: Context, room: RoomName, user: UserName) -> Connection | None:
    session = context.hub.holder(room, user)
    if session is None:
        return None
    assert isinstance(session, Session) and isinstance(session.owner, Connection)
    return session.owner


def _options(request: web.Request, context: Context) -> tuple[RoomName, Options]:
    settings = context.settings
    query = request.query
    for option in query:
        if option not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise Refusal(400, f"unknown option {quoted(option)}; known are {known}")
        if len(query.getall(option)) > 1:
            raise Refusal(400, f"option {option} is given more than once")
    try:
        user = UserName(check("user", request.match_info["username"]))
    except BadName as error:
        raise Refusal(400, str(error)) from None
    room = room_name(query.get("room", "lobby"))
    echo, lag, history = (
        query.get("echo", "0"),
        query.get("lag", "close"),
        query.get("history", "0"),
    )
    if echo not in ("0", "1"):
        raise Refusal(400, f"echo={quoted(echo)}: expected 0 or 1")
    if lag not in ("close", "skip"):
        raise Refusal(400, f"lag={quoted(lag)}: expected skip or close")
    if not (re.fullmatch("[0-9]{1,7}", history) and int(history) <= _MAX_HISTORY):
        shown = quoted(history)
        raise Refusal(400, f"history={shown}: expected a number of messages up to {_MAX_HISTORY}")
    check_origin(request, settings)
    return room, Options(
        user=user,
        address=address_group(address_of(request, settings)),
        echo=echo == "1",
        skips=lag == "skip",
        history=int(history),
        expires=_authorize(request, settings.jwt_secret, user, room),
    )


def _authorize(
    request: web.Request, secret: str | None, user: UserName, room: RoomName
) -> float | None:
    """Return when the grant ends, in seconds of the event loop's clock; None is never."""
    if secret is None:
        return None
    token = bearer(request) or _bearer_subprotocol(request) or request.query.get("token")
    if token is not None:
        token = token.removeprefix(_BEARER)
    grant = verify(token, secret)
    try:
        grant.admit(user, room)
    except grants.Forbidden as error:
        raise Refusal(403, str(error)) from None
    return asyncio.get_running_loop().time() + grant.expires - time.time()


def _check_capacity(context: Context, options: Options, holder: Connection | None) -> None:
    """Refuse whom there is no room for; whoever takes a name over takes a place over, too."""
    roster, per_address = context.roster, context.settings.max_connections_per_ip
    if context.heartbeat.is_overloaded:
        raise Refusal(503, "relay is short of memory; try again later")
    if len(roster.clients) - (holder is not None) >= context.max_connections:
        raise Refusal(503, f"relay has {len(roster.clients)} connections, its limit")
    replaces = holder is not None and holder.address == options.address
    if per_address and roster.by_address[options.address] - replaces >= per_address:
        raise Refusal(
            429, f"{options.address} has {per_address} connections, the limit for one address"
        )


async def _check_name(context: Context, room: RoomName, options: Options) -> None:
    """Return when the name is free, or its holder gives no sign of life.

    A token for the name takes over at once. Two newcomers who race for one name wait for the same
    holder; the first to go on has the name, and is then the one asked.
    """
    if context.settings.jwt_secret is not None:
        return
    while holder := _holder(context, room, options.user):
        if await holder.is_alive():
            raise Refusal(409, f"name {options.user!r} is in use in room {room!r}")
        if _holder(context, room, options.user) is holder:
            return


def _check_handshake(request: web.Request) -> str | None:
    """Return the subprotocol to answer with, or refuse what is no WebSocket handshake."""
    if request.headers.get("Upgrade", "").strip().lower() != "websocket":
        raise Refusal(
            426,
            "this is a WebSocket endpoint, and an upgrade would succeed",
            {"Upgrade": "websocket", "Connection": "Upgrade"},
        )
    if request.headers.get("Sec-WebSocket-Version") != "13":
        raise Refusal(426, "expected Sec-WebSocket-Version: 13", {"Sec-WebSocket-Version": "13"})
    # Offering the client's own list keeps aiohttp from logging it: it may hold a token.
    handshake = web.WebSocketResponse(protocols=_subprotocols(request))
    is_text = request.headers.get("Sec-WebSocket-Key", "").isascii()
    if not (is_text and handshake.can_prepare(request)):
        raise Refusal(400, "bad WebSocket handshake: check Connection and Sec-WebSocket-Key")
    return _bearer_subprotocol(request)


def _subprotocols(request: web.Request) -> list[str]:
    lines = request.headers.getall("Sec-WebSocket-Protocol", ())
    return [word.strip() for line in lines for word in line.split(",")]


def _bearer_subprotocol(request: web.Request) -> str | None:
    return next((word for word in _subprotocols(request) if word.startswith(_BEARER)), None)
