"""`POST /revoke`, `POST /rooms/{room}/disconnect`: what a token with the claim `admin` allows."""

import asyncio
import logging
from typing import Any, Final

import orjson
from aiohttp import web

from relay.access.grants import MAX_ID, MAX_LIFETIME, Grant
from relay.access.revocations import Revocation, TooMany
from relay.edge.nats.errors import Away
from relay.names import BadName, UserName, check
from relay.web.answers import json_response
from relay.web.context import CONTEXT, Context
from relay.web.credentials import check_origin, decide, token_of
from relay.web.refusals import Refusal, quoted
from relay.web.sharing import close_revoked, disconnect_elsewhere, sessions
from relay.web.sharing import disconnect as disconnect_here
from relay.web.target import room_of

logger = logging.getLogger("relay")

_MAX_BODY: Final = 4096  # bytes
_BODY_TIMEOUT: Final = 10.0  # seconds


async def revoke(request: web.Request) -> web.Response:
    """Revoke a token, or all issued before a time; close those who are in with one of them."""
    context = request.app[CONTEXT]
    admin = await _authorize(request, context)
    body = await _object(request, "jti", "user", "before", "until")
    now = context.access.now()
    revocation = _revocation(body, now, context)
    try:
        known = context.access.revocations.add(revocation)
    except TooMany as error:
        raise Refusal(507, str(error)) from None
    revoked = close_revoked(context, revocation)
    if context.cluster is not None:
        try:
            await context.cluster.revoked.tell(known)
        except Away:
            raise Refusal(503, "relay cannot tell other relays; try again later") from None
    what = f"token {revocation.token_id!r}" if revocation.token_id else _whose(revocation.user)
    logger.warning("%r revoked %s: %d connections closed", admin.user, what, revoked)
    return json_response({"closed": revoked, "until": revocation.until})


async def disconnect(request: web.Request) -> web.Response:
    """Close the connection of one user or of everybody in a room; their tokens go on to count."""
    context = request.app[CONTEXT]
    admin = await _authorize(request, context)
    room = room_of(request)
    body = await _object(request, "user")
    user = _user(body)
    try:
        closed = disconnect_here(context, room, user)
        closed += await disconnect_elsewhere(context, room, user)
    except Away:
        raise Refusal(503, "relay cannot tell other relays; try again later") from None
    logger.warning("%r disconnected %s from %r: %d", admin.user, _whose(user), room, closed)
    return json_response({"room": room, "closed": closed})


async def _authorize(request: web.Request, context: Context) -> Grant:
    check_origin(request, context)
    token = token_of(request)
    return await decide(context, lambda: context.access.administer(token))


async def _object(request: web.Request, *fields: str) -> dict[str, Any]:
    """Return the body, a JSON object of these fields; no body is an empty one."""
    body = b""
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _MAX_BODY:
                    raise Refusal(413, f"body of {len(body)} or more bytes exceeds {_MAX_BODY}")
    except TimeoutError:
        raise Refusal(408, f"body did not arrive within {_BODY_TIMEOUT:g} s") from None
    except (ConnectionError, web.RequestPayloadError):
        raise Refusal(400, "body ended early") from None
    try:
        data = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise Refusal(400, "body is not a JSON object")
    for field in data:
        if field not in fields:
            raise Refusal(400, f"unknown field {quoted(field)}; known are {', '.join(fields)}")
    return data


def _revocation(body: dict[str, Any], now: float, context: Context) -> Revocation:
    token_id, user = body.get("jti"), _user(body)
    if token_id is None and user is None and "before" not in body:
        raise Refusal(400, "expected jti, or user, or before, or user and before")
    if token_id is None:
        before = _time(body, "before", now)
        return Revocation(_time(body, "until", now + MAX_LIFETIME), user=user, before=before)
    if not (isinstance(token_id, str) and 0 < len(token_id) <= MAX_ID):
        raise Refusal(400, f"jti: expected a string of 1 to {MAX_ID} characters")
    if user is not None or "before" in body:
        raise Refusal(400, "jti names one token: expected neither user nor before beside it")
    # The grant of a member that is in with the token says when it would have expired.
    ends = [
        each.options.grant.expires or 0.0
        for each in sessions(context)
        if each.options.grant.token_id == token_id
    ]
    until = max(ends, default=now + MAX_LIFETIME)
    return Revocation(_time(body, "until", until), token_id=token_id)


def _user(body: dict[str, Any]) -> UserName | None:
    user = body.get("user")
    if user is None:
        return None
    if not isinstance(user, str):
        raise Refusal(400, "user: expected a name")
    try:
        return UserName(check("user", user))
    except BadName as error:
        raise Refusal(400, str(error)) from None


def _time(body: dict[str, Any], field: str, default: float) -> float:
    value = body.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(400, f"{field}: expected seconds since 1970")
    return float(value)


def _whose(user: UserName | None) -> str:
    return "everybody" if user is None else repr(user)
