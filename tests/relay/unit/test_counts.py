"""What `/health` and `/rooms` count: in turns, once for all who ask, and up to a limit."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from relay.access.grants import OPEN, Grant
from relay.names import RoomName, UserName
from relay.room.hub import Hub
from relay.web.cached import LIFETIME, Cached
from relay.web.counts import MAX_LISTED, Counts


@dataclass
class _Room:
    members: dict[UserName, None]


@dataclass
class _Hub:
    rooms: dict[RoomName, _Room] = field(default_factory=dict)

    def fill(self, room: str, count: int) -> None:
        self.rooms[RoomName(room)] = _Room(
            {UserName(f"{room}-{number}"): None for number in range(count)}
        )


def _counts(hub: _Hub) -> Counts:
    return Counts(cast(Hub, hub))


async def test_lists_are_cut_and_counts_are_whole() -> None:
    """The rooms that most are in, and a thousand of the names."""
    hub = _Hub()
    for number in range(MAX_LISTED + 500):
        hub.fill(f"room-{number}", 1)
    hub.fill("full", 3)
    seen = await _counts(hub).seen(OPEN)
    assert (seen.room_count, seen.user_count) == (MAX_LISTED + 501, MAX_LISTED + 503)
    assert seen.rooms[0] == ("full", 3)
    assert len(seen.rooms) == len(seen.users) == MAX_LISTED
    assert not (seen.are_all_rooms or seen.are_all_users)


async def test_names_are_seen_by_those_who_may() -> None:
    """Counts are for everybody."""
    hub = _Hub()
    hub.fill("den", 2)
    hub.fill("lobby", 1)
    counts = _counts(hub)
    seen = await counts.seen(Grant(UserName("alice"), ("d*",)))
    assert (seen.rooms, seen.users) == ([("den", 2)], ["den-0", "den-1"])
    assert (seen.room_count, seen.user_count, seen.are_all_rooms) == (2, 3, True)
    assert (await counts.seen(None))[:4] == ([], [], 2, 3)


async def test_other_work_goes_on_while_all_rooms_are_counted() -> None:
    """40,000 rooms held the event loop for 28 ms."""
    hub = _Hub()
    for number in range(5000):
        hub.fill(f"room-{number}", 0)
    counting = asyncio.create_task(_counts(hub).seen(OPEN))
    passes = 0
    while not counting.done():
        await asyncio.sleep(0)
        passes += 1
    assert passes >= 5


async def test_a_token_for_many_rooms_does_not_make_turns_longer() -> None:
    """Each room is compared with each of its patterns."""
    hub = _Hub()
    for number in range(500):
        hub.fill(f"room-{number}", 1)
    grant = Grant(UserName("alice"), tuple(f"team-{number}-*" for number in range(1600)))
    counting = asyncio.create_task(_counts(hub).seen(grant))
    passes = 0
    while not counting.done():
        await asyncio.sleep(0)
        passes += 1
    assert passes >= 50


async def test_answer_is_made_once_for_all_who_ask_and_again_when_it_is_old() -> None:
    """Half a second; an error is nobody's answer for longer than its own."""
    made = 0

    async def make() -> int:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        if made == 1:
            raise OSError
        return made

    cached = Cached(make)
    failed = await asyncio.gather(*(cached.get() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [OSError] * 3
    assert await asyncio.gather(*(cached.get() for _ in range(10))) == [2] * 10
    until = asyncio.get_running_loop().time() + LIFETIME
    while await cached.get() == 2:
        assert asyncio.get_running_loop().time() < until + 10
        await asyncio.sleep(0.05)
    assert made == 3
