"""`POST /rooms/{room}/messages`: publish from a server, without a WebSocket."""

import asyncio
from typing import Final

from aiohttp import web

from relay import auth
from relay.batch import Run
from relay.frames import BINARY, TEXT, encode, is_utf8
from relay.names import UserName
from relay.outbox import STALL
from relay.web.context import (
    CONTEXT,
    Context,
    Refusal,
    bearer,
    check_origin,
    json_response,
    room_name,
    verify,
)

_BODY_TIMEOUT: Final = 30.0  # seconds for the whole body to arrive
_PATIENCE: Final = STALL + 1  # seconds to wait for a congested room; stuck members are gone by then


class _Publisher:
    """A sender that is no member: nothing is left out for it, and it can wait."""

    user = UserName("")
    echo = True
    congested = False

    def __init__(self) -> None:
        self.released = asyncio.get_running_loop().create_future()

    def hold(self) -> None:
        pass

    def release(self) -> None:
        if not self.released.done():
            self.released.set_result(None)

    def relayed(self, size: int) -> None:
        pass


async def publish(request: web.Request) -> web.Response:
    """Relay the body: `text/*` as a text message, anything else as a binary one."""
    context = request.app[CONTEXT]
    if context.drain.is_draining:
        raise Refusal(503, "relay is draining", {"Connection": "close"})
    if context.heartbeat.is_overloaded:
        raise Refusal(503, "relay is short of memory; try again later")
    check_origin(request, context.settings)
    name = room_name(request.match_info["room"])
    if context.settings.jwt_secret is not None:
        grant = verify(bearer(request), context.settings.jwt_secret)
        try:
            grant.admit_to(name)
        except auth.Forbidden as error:
            raise Refusal(403, str(error)) from None
    body = await _body(request, context)
    opcode = _opcode(request, body)
    room, publisher = context.hub.room(name), _Publisher()
    if room.is_waiting:
        room.park(publisher)
        await asyncio.wait((publisher.released,), timeout=_PATIENCE)
        if not publisher.released.done():
            room.leave_line(publisher)
            raise Refusal(503, f"room {name!r} is congested: its members read too slowly")
    room = context.hub.room(name)  # it may have been forgotten meanwhile
    room.publish(Run(publisher, encode(opcode, body), 1))
    return json_response({"room": name, "bytes": len(body), "members": len(room.members)}, 202)


async def _body(request: web.Request, context: Context) -> bytes:
    limit = context.settings.max_message_size
    size = request.content_length
    if size is not None and size > limit:
        raise Refusal(413, f"message of {size} bytes exceeds limit of {limit}")
    chunks: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                received += len(chunk)
                if received > limit:
                    raise Refusal(
                        413, f"message of {received} or more bytes exceeds limit of {limit}"
                    )
                chunks.append(chunk)
    except TimeoutError:
        raise Refusal(408, f"body did not arrive within {_BODY_TIMEOUT:g} s") from None
    return b"".join(chunks)


def _opcode(request: web.Request, body: bytes) -> int:
    if not request.content_type.startswith("text/"):
        return BINARY
    charset = (request.charset or "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refusal(415, f"charset {charset} of text is not supported; send UTF-8")
    if not is_utf8(body):
        raise Refusal(400, "text message is not UTF-8")
    if body[:1] == b"\0":
        raise Refusal(400, "text message begins with U+0000, which is reserved")
    return TEXT
