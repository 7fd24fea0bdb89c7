"""Where to connect, and why an upgrade was refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import aiohttp

_TIMEOUT: Final = 5.0  # seconds; the relay takes up to 2 to see whether a name is in use
_PASSING: Final = frozenset({408, 425, 426, 429})  # of the 400s: may be another answer next time


def url_of(base: str, user: str, query: Mapping[str, str]) -> str:
    """Return the URL of a member's WebSocket; raises `ValueError` for no address of a relay."""
    scheme, host, path, _, _ = urlsplit(base)
    scheme = scheme.replace("http", "ws", 1)
    if scheme not in ("ws", "wss") or not host:
        raise ValueError(
            f"{base}: expected an address that begins with http, https, ws or wss, and a host"
        )
    path = f"{path.rstrip('/')}/ws/{quote(user, safe='')}"
    return urlunsplit((scheme, host, path, urlencode(query, quote_via=quote), ""))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no connection."""

    reason: str
    after: float = 0.0  # seconds to wait at least
    is_final: bool = False  # trying again would be refused again
    status: int = 0  # 0: no answer


async def ask(http: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> Refusal:
    """Ask by a plain GET, which gets the same answer, with its reason in the body."""
    host = urlsplit(url).netloc
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    try:
        async with http.get(
            url.replace("ws", "http", 1), headers=headers, timeout=timeout
        ) as answer:
            status, body = answer.status, await answer.text()
            after = answer.headers.get("Retry-After", "")
    except (aiohttp.ClientError, TimeoutError, OSError):
        return Refusal(f"{host} does not answer")
    if status == 426:
        return Refusal("connecting failed, and would succeed now", status=status)
    try:
        reason = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"{host} answers {status} instead of a WebSocket"
    return Refusal(
        reason,
        float(after) if after.isdecimal() else 0.0,
        400 <= status < 500 and status not in _PASSING,
        status,
    )
