"""`GET /ws/{username}`: everything that is decided before the upgrade, and the upgrade."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

from relay.access.addresses import address_group
from relay.edge.connection import Connection, watchdog_of
from relay.edge.gate import let_through
from relay.member.options import Options
from relay.member.session import Session
from relay.member.session_state import begin, identity_of
from relay.names import RoomName, UserName
from relay.web.context import CONTEXT, Context
from relay.web.credentials import address_of, check_origin, decide, end_of, handshake_token
from relay.web.handshake import check_handshake, choose_subprotocol, is_upgrade, subprotocols
from relay.web.refusals import LAST, Refusal, quoted
from relay.web.resuming import OPTIONS, BadOption, resume_of
from relay.web.sharing import followed, is_elsewhere
from relay.web.target import query_of, room_named, user_of
from relay.web.upgrade import Switched, switch_protocols
from relay.wire.closing import Close, Reason
from relay.wire.notes import PROTOCOL

_OPTIONS: Final = ("room", "echo", "history", "lag", "token", *OPTIONS)
_MAX_HISTORY: Final = 1_000_000  # messages; no log holds more


async def connect(request: web.Request) -> web.StreamResponse:
    """Let a client in; a plain GET gets the same refusals, and 426 where an upgrade would do."""
    context = request.app[CONTEXT]
    if _is_draining(context):
        return _turn_away(request)
    room, options, refusal = await _options(request, context)
    async with followed(context, room):
        return await _admit(request, context, room, options, refusal)


async def _admit(
    request: web.Request,
    context: Context,
    room: RoomName,
    options: Options,
    refusal: Close | None,
) -> web.StreamResponse:
    if refusal is None:
        _check_capacity(context, options, _holder(context, room, options.user))
        if is_upgrade(request):
            with _deciding(context, options.address):
                await _check_name(context, room, options)
        else:
            _check_known_name(context, room, options)
    if _is_draining(context):
        return _turn_away(request)
    holder = _holder(context, room, options.user) if refusal is None else None
    _check_capacity(context, options, holder)
    check_handshake(request)
    # From here to the end there is no `await`: whatever was checked still holds.
    transport = request.transport
    if transport is None or transport.is_closing():
        return Switched()
    state = begin(options, context.runtime.loop.time())
    # One of the same session goes by the log. There may be two: one is about to have the name.
    while holder is not None and holder.is_open and holder.id != state.id:
        holder.close(Reason.TAKEN_OVER.close(user=options.user), 0)
        holder = _holder(context, room, options.user)
    subprotocol = choose_subprotocol(subprotocols(request))
    let_through(transport)
    answer, early = switch_protocols(request, subprotocol)
    connection = Connection(transport, context.hub.room(room), state, context.runtime)
    connection.start(answer, early, refusal)
    return Switched()


def _is_draining(context: Context) -> bool:
    return context.drain.is_draining  # it can change at every `await`


def _turn_away(request: web.Request) -> web.StreamResponse:
    """Answer nothing, so that a proxy tries another relay; a 503 it would hand to the client."""
    if request.transport is not None:
        request.transport.abort()
    return Switched()


def _holder(context: Context, room: RoomName, user: UserName) -> Session | None:
    session = context.hub.holder(room, user)
    assert session is None or isinstance(session, Session)
    return session


async def _options(
    request: web.Request, context: Context
) -> tuple[RoomName, Options, Close | None]:
    """Return the room, what the client asks for, and why it is closed once it is in, or None."""
    query = query_of(request)
    for option in query:
        if option not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise Refusal(400, f"unknown option {quoted(option)}; known are {known}")
    user, room = user_of(request), room_named(query.get("room", "lobby"))
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
    refusal = None
    resume = None
    if PROTOCOL in subprotocols(request):
        try:
            resume = resume_of(query, int(history))
        except BadOption as error:
            resume, refusal = resume_of({}, 0), Reason.BAD_OPTION.close(problem=error)
    elif given := [name for name in OPTIONS if name in query]:
        if is_upgrade(request):
            raise Refusal(400, f"option {given[0]!r} needs the subprotocol {PROTOCOL}")
        with suppress(BadOption):  # a page's plain GET cannot offer it: it asks for such an upgrade
            resume = resume_of(query, int(history))
    check_origin(request, context)
    token = handshake_token(request, query.get("token"))
    grant = await decide(context, lambda: context.access.connect(token, user, room))
    options = Options(
        user=user,
        address=address_group(address_of(request, context)),
        echo=echo == "1",
        skips=lag == "skip",
        history=0 if resume else int(history),
        grant=grant,
        expires=end_of(grant),
        resume=resume,
    )
    return room, options, refusal


def _check_capacity(context: Context, options: Options, holder: Session | None) -> None:
    """Refuse a client that there is no place for; one that takes a name over takes its place."""
    roster, per_address = context.roster, context.settings.max_connections_per_ip
    if context.heartbeat.is_overloaded:
        raise Refusal(503, "relay is short of memory; try again later", LAST)
    if len(roster.clients) - (holder is not None) >= context.max_connections:
        raise Refusal(503, f"relay has {len(roster.clients)} connections, its limit", LAST)
    address = options.address
    count = roster.by_address.get(address, 0) + roster.deciding.get(address, 0)
    if holder is not None and holder.options.address == address:
        count -= 1
    if per_address and count >= per_address:
        raise Refusal(
            429, f"{address} has {per_address} connections, the limit for one address", LAST
        )


@contextmanager
def _deciding(context: Context, address: str) -> Iterator[None]:
    """Let a handshake that is being decided count as a connection of its address."""
    deciding = context.roster.deciding
    deciding[address] += 1
    try:
        yield
    finally:
        deciding[address] -= 1
        if not deciding[address]:
            del deciding[address]


def _check_known_name(context: Context, room: RoomName, options: Options) -> None:
    """Refuse a name in use, as far as is known: a plain GET does not have anybody pinged."""
    holder = _holder(context, room, options.user)
    if holder is None or _is_own(options, holder):
        return
    if watchdog_of(holder).seems_alive:
        raise _name_in_use(room, options)


async def _check_name(context: Context, room: RoomName, options: Options) -> None:
    """Return when the name is free, or its holder gives no sign of life, on whatever relay.

    Two newcomers who race for one name wait for the same holder; the first to go on has the name,
    and is then asked.
    """
    if await is_elsewhere(context, room, options):
        raise _name_in_use(room, options)
    while holder := _holder(context, room, options.user):
        if _is_own(options, holder):
            return
        if await watchdog_of(holder).is_alive():
            raise _name_in_use(room, options)
        if _holder(context, room, options.user) is holder:
            return


def _is_own(options: Options, holder: Session) -> bool:
    """Whether the name is taken over at once: by a token for it, or by the same session."""
    if options.grant.user is not None:
        return True
    return options.resume is not None and holder.id == identity_of(options)


def _name_in_use(room: RoomName, options: Options) -> Refusal:
    return Refusal(409, f"name {options.user!r} is in use in room {room!r}")
