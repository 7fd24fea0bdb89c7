"""What a WebSocket handshake says in its headers (RFC 6455 §4.2.1), read as the lists they are."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from relay.web.refusals import Refusal
from relay.wire.notes import PROTOCOL

BEARER: Final = "bearer."
_SPOKEN: Final = (PROTOCOL,)  # subprotocols that the relay itself speaks
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_KEY_SIZE: Final = 16  # bytes
_UPGRADE: Final = {"Upgrade": "websocket", "Connection": "Upgrade"}


def is_upgrade(request: web.Request) -> bool:
    """Whether it asks for a WebSocket."""
    return request.method == "GET" and "websocket" in map(str.lower, _words(request, "Upgrade"))


def check_handshake(request: web.Request) -> None:
    """Refuse what is no WebSocket handshake; a plain GET gets 426 where one would succeed.

    A handshake by HTTP/1.0 is one: nginx speaks it to what stands behind it, unless told otherwise.
    """
    if not is_upgrade(request):
        raise Refusal(426, _no_upgrade(request), _UPGRADE)
    if "upgrade" not in map(str.lower, _words(request, "Connection")):
        raise Refusal(
            400,
            "bad WebSocket handshake: the header Connection does not say Upgrade; a proxy in "
            "between has to forward it",
        )
    if "13" not in _words(request, "Sec-WebSocket-Version"):
        raise Refusal(426, "expected Sec-WebSocket-Version: 13", {"Sec-WebSocket-Version": "13"})
    try:
        key = base64.b64decode(request.headers.get("Sec-WebSocket-Key", ""), validate=True)
    except (binascii.Error, ValueError):  # the latter for what is not even ASCII
        key = b""
    if len(key) != _KEY_SIZE:
        raise Refusal(400, "bad WebSocket handshake: Sec-WebSocket-Key is not 16 bytes in base64")


def subprotocols(request: web.Request) -> list[str]:
    """Return what the client offers, in its order."""
    return [word for word in _words(request, "Sec-WebSocket-Protocol") if _TOKEN.fullmatch(word)]


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Return the subprotocol to answer with; a browser fails without one that it offered.

    A token that came as one, else one that the relay speaks, else the first: a relay that carries
    anything speaks it.
    """
    tokens = [word for word in offered if word.startswith(BEARER)]
    spoken = [word for word in _SPOKEN if word in offered]
    return next(iter((*tokens, *spoken, *offered)), None)


def _no_upgrade(request: web.Request) -> str:
    if request.method == "GET" and "Sec-WebSocket-Key" in request.headers:
        return (
            "this is a WebSocket handshake without the header Upgrade: a proxy in between has "
            "removed it, and has to forward Upgrade and Connection"
        )
    return (
        "this is a WebSocket endpoint, and an upgrade would succeed; if yours did not, a proxy in "
        "between may have removed the header Upgrade"
    )


def _words(request: web.Request, header: str) -> list[str]:
    """Return the items of a header that is a list, over all its lines (RFC 9110 §5.6.1)."""
    lines = request.headers.getall(header, ())
    return [word for line in lines for part in line.split(",") if (word := part.strip())]
