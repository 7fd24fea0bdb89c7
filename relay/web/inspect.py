"""`GET /rooms/{room}/messages`: what a room's log holds, for those who are not in it."""

from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from relay.room.log import Entry, parse_cursor
from relay.web.answers import json_response
from relay.web.context import CONTEXT
from relay.web.credentials import check_origin, decide, token_of
from relay.web.refusals import Refusal, quoted
from relay.web.target import query_of, room_of
from relay.wire.frames import TEXT, ends, payload_start

_SHOWN: Final = 2000  # bytes of a message
_MOST: Final = 200  # messages in an answer
_LIMIT: Final = 50  # messages, if nothing else is asked for


async def messages(request: web.Request) -> web.Response:
    """The latest messages of a room, with who sent them and when; long ones are cut.

    Where tokens are on, for an administrator. Reading leaves no trace in the room.
    """
    context = request.app[CONTEXT]
    check_origin(request, context)
    token = token_of(request)
    await decide(context, lambda: context.access.inspect(token))
    name, query = room_of(request), query_of(request)
    for option in query:
        if option not in ("after", "limit"):
            raise Refusal(400, f"unknown option {quoted(option)}; known are after, limit")
    limit, after = _limit(query.get("limit")), None
    if "after" in query and (after := parse_cursor(query["after"])) is None:
        raise Refusal(400, f"after={quoted(query['after'])}: expected a cursor, EPOCH-OFFSET")
    room = context.hub.rooms.get(name)
    found: list[dict[str, Any]] = []
    cursor = None
    if room is not None:
        entries, skipped = room.history(limit)
        said = list(_messages(entries[0], skipped)) if entries else []
        said += [message for entry in entries[1:] for message in _messages(entry)]
        from_offset = after.offset if after is not None and after.epoch == room.epoch else 0
        found = [message for message in said if message["offset"] > from_offset]
        cursor = f"{room.epoch}-{entries[-1].offset if entries else from_offset}"
    return json_response(
        {
            "room": name,
            "kept": context.settings.history_size > 0 and context.settings.history_age > 0,
            "cursor": cursor,
            "messages": found,
        }
    )


def _limit(text: str | None) -> int:
    if text is None:
        return _LIMIT
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST):
        raise Refusal(400, f"limit={quoted(text)}: expected 1 to {_MOST} messages")
    return int(text)


def _messages(entry: Entry, skipped: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the messages of an entry, which may be a hundred thousand, behind so many."""
    for span, data in entry.batch.spans_behind(None, skipped):
        start = 0
        for end in ends(data):
            payload = data[payload_start(data, start) : end]
            shown = payload[:_SHOWN]
            is_text = data[start] & 0xF == TEXT
            said = {"text": shown.decode(errors="ignore")} if is_text else {"hex": shown.hex()}
            yield {
                "offset": entry.offset,
                "at": entry.at,
                "user": span.author.user,
                "size": len(payload),
                **said,
                **({"truncated": True} if len(payload) > _SHOWN else {}),
            }
            start = end
