"""Who sent a request: its token, its page's origin, its address; and what it may for that."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import web

from relay.access.access import KeysMissing
from relay.access.grants import Forbidden, Grant
from relay.access.tokens import TokenRefused, UnknownKey
from relay.edge.key_sets import KeySet
from relay.web.context import Context
from relay.web.handshake import BEARER, subprotocols
from relay.web.refusals import Refusal, quoted

logger = logging.getLogger("relay")

T = TypeVar("T")

_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def token_of(request: web.Request) -> str | None:
    """Return the token of the Authorization header, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def handshake_token(request: web.Request, option: str | None) -> str | None:
    """Return a handshake's token: of the header, else of a subprotocol, else the option."""
    offered = (word for word in subprotocols(request) if word.startswith(BEARER))
    token = token_of(request) or next(offered, None) or option
    return token.removeprefix(BEARER) if token else None


async def decide_with(key_set: KeySet | None, decision: Callable[[], T]) -> T:
    """Return what `Access` decides, or raise as it does.

    A token that names an unknown key has the key set fetched once more: keys are rotated.
    """
    try:
        return decision()
    except (UnknownKey, KeysMissing):
        if key_set is None or not await key_set.refresh():
            raise
        return decision()


def end_of(grant: Grant) -> float | None:
    """Return when the grant ends, in seconds of the event loop's clock; None is never."""
    if grant.expires is None:
        return None
    return asyncio.get_running_loop().time() + grant.expires - time.time()


async def decide(context: Context, decision: Callable[[], T]) -> T:
    """Return what `Access` decides, or refuse."""
    try:
        return await decide_with(context.key_set, decision)
    except KeysMissing as error:
        raise Refusal(503, str(error)) from None
    except TokenRefused as error:
        raise Refusal(401, str(error), _CHALLENGE) from None
    except Forbidden as error:
        raise Refusal(403, str(error)) from None


def check_origin(request: web.Request, context: Context) -> None:
    """Refuse a browser's page that is not allowed to use this relay."""
    origin = request.headers.get("Origin")
    if not context.access.allows_origin(origin, request.host):
        raise Refusal(403, f"origin {quoted(origin or '')} is not in ALLOWED_ORIGINS")


def address_of(request: web.Request, context: Context) -> str:
    """Return the client's address; the first that a proxy writes and nobody can read is told."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    client = context.access.client_address(request.remote or "", forwarded)
    if client.unreadable is not None and not context.counters.is_forwarding_unreadable:
        context.counters.is_forwarding_unreadable = True
        logger.warning(
            "X-Forwarded-For from a proxy of TRUSTED_PROXIES has %s, which is no address: its "
            "clients count as %s, all together",
            quoted(client.unreadable),
            client.address or "one",
        )
    return client.address
