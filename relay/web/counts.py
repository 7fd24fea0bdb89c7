"""How many are where: what `/health` and `/rooms` tell, counted at most twice a second.

Counting walks over all rooms, so it is done in turns, once for all who ask meanwhile, and what it
finds counts for half a second. Nobody who asks often costs the members anything.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from relay.access.grants import Grant
from relay.names import RoomName, UserName
from relay.room.hub import Hub
from relay.web.cached import Cached

MAX_LISTED: Final = 1000  # rooms or names in one answer
_TURN: Final = 1000  # rooms looked at before others get their turn
_PATTERNS: Final = 16  # rooms of a token; where it names more, fewer are looked at in a turn
_MAX_CACHED: Final = 256  # answers for holders of different tokens


class Seen(NamedTuple):
    """What somebody may see of all rooms; the counts are of everything."""

    rooms: list[tuple[RoomName, int]]  # the largest, with how many are in each
    users: list[UserName]  # sorted; a name that is in two rooms is listed twice
    room_count: int
    user_count: int
    are_all_rooms: bool  # whether `rooms` leaves out none that may be seen
    are_all_users: bool


Elsewhere = Callable[[], Awaitable[Sequence[tuple[RoomName, Sequence[UserName], int]]]]
"""Asks other relays for their rooms: names of some who are there, and how many there are."""


class Counts:
    """Counts rooms and members for those who may see them."""

    def __init__(self, hub: Hub, elsewhere: Elsewhere | None = None) -> None:
        self._hub = hub
        self._elsewhere = elsewhere
        self._cached: dict[tuple[str, ...], Cached[Seen]] = {}

    async def seen(self, grant: Grant | None) -> Seen:
        """Return what is to be seen with this grant; without one, counts alone."""
        visible = () if grant is None else ("*",) if grant.admin else grant.rooms
        cached = self._cached.get(visible)
        if cached is None:
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            cached = self._cached[visible] = Cached(lambda: self._count(grant))
        return await cached.get()

    async def _count(self, grant: Grant | None) -> Seen:
        largest: list[tuple[int, RoomName]] = []  # a heap of MAX_LISTED
        users: list[UserName] = []
        visible_rooms = visible_users = user_count = 0
        elsewhere = await self._rooms_elsewhere()
        rooms = list(self._hub.rooms.items())
        others = [name for name in elsewhere if name not in self._hub.rooms]
        found: list[tuple[RoomName, Collection[UserName]]] = [
            *((name, room.members) for name, room in rooms),
            *((name, ()) for name in others),
        ]
        patterns = len(grant.rooms) if grant is not None else 0
        turn = max(_TURN * _PATTERNS // max(patterns, _PATTERNS), 1)
        for index, (name, here) in enumerate(found):
            names, count = elsewhere.get(name, ((), 0))
            members = len(here) + count
            user_count += members
            if grant is not None and grant.sees(name):
                visible_rooms += 1
                visible_users += members
                _keep_largest(largest, (members, name))
                users += [*here, *names][: MAX_LISTED - len(users)]
            if index % turn == turn - 1:
                await asyncio.sleep(0)
        largest.sort(key=lambda each: (-each[0], each[1]))
        return Seen(
            rooms=[(name, count) for count, name in largest],
            users=sorted(users),
            room_count=len(found),
            user_count=user_count,
            are_all_rooms=visible_rooms == len(largest),
            are_all_users=visible_users == len(users),
        )

    async def _rooms_elsewhere(self) -> dict[RoomName, tuple[Sequence[UserName], int]]:
        found: dict[RoomName, tuple[Sequence[UserName], int]] = {}
        for name, users, count in await self._elsewhere() if self._elsewhere else ():
            names, known = found.get(name, ((), 0))
            found[name] = (*names, *users), known + count
        return found


COUNTS: Final = web.AppKey("counts", Counts)


def _keep_largest(heap: list[tuple[int, RoomName]], room: tuple[int, RoomName]) -> None:
    if len(heap) < MAX_LISTED:
        heapq.heappush(heap, room)
    else:
        heapq.heappushpop(heap, room)
