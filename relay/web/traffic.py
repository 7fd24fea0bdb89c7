"""How much passes through a room, read from its log: nothing is counted for it per message."""

from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from aiohttp import web

from relay.member.session import Session
from relay.names import RoomName
from relay.room.room import Room

_WINDOW: Final = 2000  # milliseconds over which a rate is taken
_MOST: Final = 5000  # messages looked at
_FULL: Final = 0.75  # of what a log may hold: it has dropped older ones
_LIFETIME: Final = 500  # milliseconds for which an answer counts
_MAX_CACHED: Final = 1000  # rooms


class Traffic:
    """Tells rates and backlogs of rooms, each at most twice a second.

    `history_size` is what a log holds, in bytes; 0: nothing, and rates are not known. `now` tells
    Unix time in seconds, by the clock of the logs.
    """

    def __init__(self, history_size: int, now: Callable[[], float]) -> None:
        self._history_size = history_size
        self._now = now
        self._cached: dict[RoomName, tuple[int, dict[str, Any]]] = {}

    def of(self, room: Room) -> dict[str, Any]:
        """Return what `GET /rooms` tells of a room beside its name and count."""
        now = int(self._now() * 1000)
        until, answer = self._cached.get(room.name, (0, {}))
        if now >= until:
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            answer = self._look(room, now)
            self._cached[room.name] = now + _LIFETIME, answer
        return answer

    def _look(self, room: Room, now: int) -> dict[str, Any]:
        sessions = [each for each in room.members.values() if isinstance(each, Session)]
        backlog = sum(each.outbox.lag for each in sessions)
        rates = self._rates(room, now) if self._history_size else (None, None, None)
        return {
            "waiting": room.is_waiting,
            "backlog": backlog,
            "messages_per_second": rates[0],
            "bytes_per_second": rates[1],
            "deliveries_per_second": rates[2],
        }

    def _rates(self, room: Room, now: int) -> tuple[float, float, float]:
        """Return messages and bytes in, and messages out, per second."""
        entries, skipped = room.history(_MOST)
        recent = entries[bisect_right(entries, now - _WINDOW, key=attrgetter("at")) :]
        held = sum(len(entry.batch.data) for entry in recent)
        is_cut = len(recent) == len(entries) and (skipped or held > self._history_size * _FULL)
        span = max(now - recent[0].at, 1) if is_cut and recent else _WINDOW
        receivers = sum(member.receives for member in room.members.values())
        messages = deliveries = 0
        for entry in recent:
            for part in entry.batch.spans:
                messages += part.messages
                own = room.members.get(part.author.user) if part.author.user else None
                deliveries += part.messages * (receivers - (own is not None and own.receives))
        seconds = span / 1000
        return (
            round(messages / seconds, 1),
            round(held / seconds, 1),
            round(deliveries / seconds, 1),
        )


TRAFFIC: Final = web.AppKey("traffic", Traffic)
