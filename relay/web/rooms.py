"""`GET /rooms`, `GET /rooms/{room}`: who is where, and how much passes."""

import asyncio
from itertools import islice
from typing import Any, Final

from aiohttp import web

from relay.member.session import Session
from relay.web.answers import json_response
from relay.web.context import CONTEXT, Context
from relay.web.counts import COUNTS, MAX_LISTED
from relay.web.sharing import people_of
from relay.web.status import cut, grant_of
from relay.web.target import room_of
from relay.web.traffic import TRAFFIC

_DETAILED: Final = 100  # rooms of a list with their traffic
_ENDED: Final = 50  # of those who left last


async def rooms(request: web.Request) -> web.Response:
    """The rooms that most are in, up to a thousand, and how many rooms there are.

    The first hundred with how much passes through them.
    """
    context = request.app[CONTEXT]
    seen = await request.app[COUNTS].seen(await grant_of(request, context))
    listed: list[dict[str, Any]] = [{"room": name, "count": count} for name, count in seen.rooms]
    for line in listed[:_DETAILED]:
        found = context.hub.rooms.get(line["room"])
        if found is not None:
            line.update(request.app[TRAFFIC].of(found))
            await asyncio.sleep(0)  # a room may have thousands of messages and members
    return json_response({"rooms": listed, **cut(seen.are_all_rooms), "count": seen.room_count})


async def room(request: web.Request) -> web.Response:
    """One room's members, up to a thousand; a room that nobody is in is empty, not missing."""
    context = request.app[CONTEXT]
    name = room_of(request)
    grant = await grant_of(request, context)
    found = context.hub.rooms.get(name)
    people = await people_of(context, name)
    answer: dict[str, Any] = {"room": name, "users": [], "count": len(people)}
    if grant is not None and grant.sees(name):
        users = sorted(islice(people, MAX_LISTED))
        answer |= {"users": users, **cut(len(users) == len(people))}
        here = found.members if found else {}
        answer["members"] = [_member(here[user]) for user in users if user in here]
        answer["ended"] = _ended(name, context)
        if found is not None:
            answer |= request.app[TRAFFIC].of(found)
    return json_response(answer)


def _member(member: object) -> dict[str, Any]:
    """Return how a member does: its backlog in bytes, and messages sent and skipped."""
    assert isinstance(member, Session)
    return {
        "user": member.user,
        "protocol": "raw" if member.resume is None else "relay.v1",
        "lag": "skip" if member.options.skips else "close",
        "backlog": member.outbox.lag,
        "sent": member.inbox.published,
        "skipped": member.outbox.skipped,
    }


def _ended(name: str, context: Context) -> list[dict[str, Any]]:
    """Return who has left this room last, the latest first, and why."""
    recent = context.runtime.connection_log.recent
    of_room = (each for each in reversed(recent) if each.room == name)
    return [
        {"at": round(each.at, 3), "user": each.user, "reason": each.reason, "how": each.how}
        for each in islice(of_room, _ENDED)
    ]
