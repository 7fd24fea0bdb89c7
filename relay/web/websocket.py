"""`GET /ws/{username}`: everything that is decided before the upgrade, and the upgrade."""

import asyncio
import base64
import hashlib
import time
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import WS_KEY

from relay import auth
from relay.admission import address_group
from relay.closing import Reason
from relay.connection import Connection, Options
from relay.names import BadName, RoomName, UserName, check
from relay.web.context import (
    CONTEXT,
    Context,
    Refusal,
    address_of,
    bearer,
    check_origin,
    room_name,
    verify,
)

_OPTIONS: Final = ("room", "echo", "history", "lag", "token")
_BEARER: Final = "bearer."
_MAX_HISTORY: Final = 1_000_000  # messages; no log holds more


async def connect(request: web.Request) -> web.StreamResponse:
    """Let a client in; a plain GET gets the same refusals, and 426 where an upgrade would do."""
    context = request.app[CONTEXT]
    if context.drain.is_draining:
        # Unanswered, so that a proxy tries another relay; a 503 it would hand to the client.
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=503)
    room, options = _options(request, context)
    _check_capacity(context, options)
    await _check_name(context, room, options)
    subprotocol = _check_handshake(request)
    _check_capacity(context, options)  # others came while this one waited for a name
    holder = context.hub.holder(room, options.user)
    if holder is not None:
        assert isinstance(holder, Connection)
        holder.close(Reason.TAKEN_OVER.close(user=options.user))
    return _switch(request, context, room, options, subprotocol)


def _options(request: web.Request, context: Context) -> tuple[RoomName, Options]:
    settings = context.settings
    query = request.query
    for option in query:
        if option not in _OPTIONS:
            raise Refusal(400, f"unknown option {option!r}; known are {', '.join(_OPTIONS)}")
        if len(query.getall(option)) > 1:
            raise Refusal(400, f"option {option} is given more than once")
    try:
        user = UserName(check("user", request.match_info["username"]))
    except BadName as error:
        raise Refusal(400, str(error)) from None
    room = room_name(query.get("room", "lobby"))
    echo, lag, history = query.get("echo", "0"), query.get("lag", "close"), query.get("history", "")
    if echo not in ("0", "1"):
        raise Refusal(400, f"echo={echo}: expected 0 or 1")
    if lag not in ("close", "skip"):
        raise Refusal(400, f"lag={lag}: expected skip or close")
    if history and not (history.isascii() and history.isdigit() and len(history) <= 7):
        raise Refusal(400, f"history={history}: expected a number of messages up to {_MAX_HISTORY}")
    check_origin(request, settings)
    return room, Options(
        user=user,
        address=address_group(address_of(request, settings)),
        echo=echo == "1",
        skips=lag == "skip",
        history=min(int(history or 0), _MAX_HISTORY),
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
    except auth.Forbidden as error:
        raise Refusal(403, str(error)) from None
    return asyncio.get_running_loop().time() + grant.expires - time.time()


def _check_capacity(context: Context, options: Options) -> None:
    roster, per_address = context.roster, context.settings.max_connections_per_ip
    if context.heartbeat.is_overloaded:
        raise Refusal(503, "relay is short of memory; try again later")
    if len(roster.clients) >= context.max_connections:
        raise Refusal(503, f"relay has {len(roster.clients)} connections, its limit")
    if per_address and roster.by_address[options.address] >= per_address:
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
    while holder := context.hub.holder(room, options.user):
        assert isinstance(holder, Connection)
        if await holder.is_alive():
            raise Refusal(409, f"name {options.user!r} is in use in room {room!r}")
        if context.hub.holder(room, options.user) is holder:
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
    if not handshake.can_prepare(request):
        raise Refusal(400, "bad WebSocket handshake: check Connection and Sec-WebSocket-Key")
    return _bearer_subprotocol(request)


def _subprotocols(request: web.Request) -> list[str]:
    lines = request.headers.getall("Sec-WebSocket-Protocol", ())
    return [word.strip() for line in lines for word in line.split(",")]


def _bearer_subprotocol(request: web.Request) -> str | None:
    return next((word for word in _subprotocols(request) if word.startswith(_BEARER)), None)


class _Early:
    """Takes what a client sent behind its handshake without waiting for the answer."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        pass


class _Switched(web.StreamResponse):
    """Nothing more to say over HTTP: the transport has another protocol now."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


def _switch(
    request: web.Request,
    context: Context,
    room: RoomName,
    options: Options,
    subprotocol: str | None,
) -> web.StreamResponse:
    """Answer 101 and hand the transport to a `Connection`; no `await` may come in between."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return _Switched()
    key = request.headers["Sec-WebSocket-Key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + WS_KEY, usedforsecurity=False).digest())
    head = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    ]
    if subprotocol is not None:
        head.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode(errors="surrogateescape"))
    transport.write(b"\r\n".join(head) + b"\r\n\r\n")
    early = _Early()
    request.protocol.set_parser(early)  # type: ignore[arg-type]  # it calls feed_data only
    # For aiohttp this connection is over: without its transport it closes nothing, and its task
    # ends with this response.
    request.protocol.transport = None
    request.protocol.connection_lost(None)
    connection = Connection(
        transport,
        context.hub.room(room),
        options,
        context.settings,
        context.hub,
        context.roster,
        asyncio.get_running_loop(),
    )
    connection.start(early.data)
    return _Switched()
