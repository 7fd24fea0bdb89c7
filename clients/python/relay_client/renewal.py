"""A fresh token for a connection that stays open, before its old one expires (close code 4401)."""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

EARLY: Final = 60.0  # seconds before the end; half of what is left where that is below 2 min
RETRY: Final = 1.0  # seconds at least until it is asked for again, where there was none


async def renew(
    token: str, ask: Callable[[], Awaitable[str]], put: Callable[[str], Awaitable[None]]
) -> None:
    """Ask for fresh tokens, each before the last one expires, and put them to the relay.

    Ends when there is nothing to wait for: a token without an end, or none in time.
    """
    left = expiry(token) - time.time()
    while left > 0:
        await asyncio.sleep(left - EARLY if left > 2 * EARLY else left / 2)
        fresh = ""
        with suppress(Exception):  # theirs; it is asked for again
            fresh = await ask()
        if expiry(fresh) > expiry(token):
            await put(fresh)
            token = fresh
        left = expiry(token) - time.time()
        if token != fresh and left < RETRY:
            return


def expiry(token: str) -> float:
    """Return when a JSON Web Token expires, in seconds since 1970; 0: it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims.get("exp") or 0)
    except (IndexError, ValueError, AttributeError, TypeError):
        return 0.0
