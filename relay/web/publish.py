"""`POST /rooms/{room}/messages`: publish from a server, without a WebSocket."""

import asyncio
import secrets
from contextlib import suppress
from typing import Final

from aiohttp import web

from relay.account import cost
from relay.names import RoomName
from relay.room.batch import Author, Piece, SessionId
from relay.room.congestion import PATIENCE
from relay.web.answers import json_response
from relay.web.context import CONTEXT, Context
from relay.web.credentials import check_origin, decide, token_of
from relay.web.refusals import LAST, Refusal, quoted
from relay.web.sharing import followed
from relay.web.target import room_of
from relay.wire.closing import Reason
from relay.wire.frames import BINARY, TEXT, encode, is_utf8
from relay.wire.notes import MARK

_BODY_TIMEOUT: Final = 30.0  # seconds for the whole body to arrive
_PATIENCE: Final = PATIENCE + 1  # seconds; a room does not wait for longer


class _Publisher:
    """A publisher that is no member, and can wait."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.credited = asyncio.Event()

    def hold(self) -> None:
        pass

    def release(self) -> None:
        self.released.set()

    def credit(self, size: int) -> None:
        self.credited.set()


async def publish(request: web.Request) -> web.Response:
    """Relay the body: `text/*` as a text message, anything else as a binary one."""
    context = request.app[CONTEXT]
    _check_capacity(context)
    check_origin(request, context)
    name, token = room_of(request), token_of(request)
    await decide(context, lambda: context.access.publish(token, name))
    if "Content-Encoding" in request.headers:
        raise Refusal(415, "Content-Encoding is not supported; send the message as it is")
    chunks: list[bytes] = []
    try:
        await _receive(request, context, chunks)
        body = b"".join(chunks)
        opcode = _opcode(request, body)
        async with followed(context, name):
            await _wait_for_room(context, name)
            members = await _publish(context, token, name, opcode, body)
    finally:
        account = context.roster.account
        account.unfinished -= sum(map(len, chunks))
        account.pieces -= len(chunks)
        chunks.clear()  # where a body was cut, aiohttp's error keeps this frame for a while
    return json_response({"room": name, "bytes": len(body), "members": members}, 202)


async def _publish(
    context: Context, token: str | None, name: RoomName, opcode: int, body: bytes
) -> int:
    """Publish the message, and wait until it has its place; return how many members there are."""
    _check_capacity(context)
    # The body may have taken its time, and the token may have expired or been revoked meanwhile.
    await decide(context, lambda: context.access.publish(token, name))
    room = context.hub.room(name)
    author = Author(None, SessionId(secrets.token_hex(8)))
    is_marked = opcode == TEXT and body[:1] == MARK
    publisher = _Publisher()
    room.publish(Piece(author, 1, encode(opcode, body), 1, is_marked), publisher)
    if context.cluster is not None:
        if not await _happens(publisher.credited, context.settings.nats_timeout):
            raise Refusal(503, "the log did not answer in time; the message may still be published")
        return room.presence.count
    return len(room.members)


def _check_capacity(context: Context) -> None:
    if context.drain.is_draining:
        raise Refusal(503, "relay is draining", LAST)
    if context.heartbeat.is_overloaded:
        raise Refusal(503, "relay is short of memory; try again later", LAST)


async def _receive(request: web.Request, context: Context, chunks: list[bytes]) -> None:
    """Add the body to `chunks`, counted among the relay's unfinished messages (rule 5)."""
    limit, roster = context.settings.max_message_size, context.roster
    account = roster.account
    received = request.content_length or 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            if received <= limit:
                received = 0
                async for chunk in request.content.iter_any():
                    received += len(chunk)
                    if received > limit:
                        break
                    if account.held + cost(len(chunk), 1) > roster.held_limit:
                        raise Refusal(503, "relay is out of memory for this message")
                    account.unfinished += len(chunk)
                    account.pieces += 1
                    chunks.append(chunk)
    except TimeoutError:
        raise Refusal(408, f"body did not arrive within {_BODY_TIMEOUT:g} s") from None
    except (ConnectionError, web.RequestPayloadError):
        raise Refusal(400, "body ended early") from None
    except RuntimeError:  # what aiohttp raises where the connection was lost before it was read
        if request.transport is not None:
            raise
        raise Refusal(400, "body ended early") from None
    if received > limit:
        raise Refusal(413, f"message of {received} or more bytes exceeds limit of {limit}")


async def _wait_for_room(context: Context, name: RoomName) -> None:
    """Wait like any sender while the room waits for its receivers."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while (room := context.hub.room(name)).is_waiting:
        publisher = _Publisher()
        room.hold(publisher)
        if not await _happens(publisher.released, deadline - loop.time()):
            room.forget(publisher)
            raise Refusal(503, f"room {name!r} is congested: its members read too slowly")


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happens within this time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _opcode(request: web.Request, body: bytes) -> int:
    if not request.content_type.startswith("text/"):
        return BINARY
    charset = (request.charset or "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refusal(415, f"charset {quoted(charset)} of text is not supported; send UTF-8")
    if not is_utf8(body):
        raise Refusal(400, Reason.INVALID_TEXT.close().text)
    return TEXT
