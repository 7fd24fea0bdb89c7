"""The relay's pulse: one task looks after all connections, rooms, and the memory that is left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from relay import process_memory
from relay.edge.roster import Roster
from relay.edge.watch import Watch
from relay.room.hub import Hub

logger = logging.getLogger("relay")

T = TypeVar("T")

_TURN: Final = 500  # clients or rooms looked at before others get their turn
_EXPIRY: Final = 5.0  # seconds between two looks at all rooms' history
_FULL: Final = 0.8  # of the memory limit, from which the relay takes no new work


class Heartbeat:
    """Beats every `period` seconds; `is_overloaded` says whether new work is refused."""

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        watch: Watch,
        *,
        period: float,
        history_age: float,
        memory_limit: int,
    ) -> None:
        self.is_overloaded = False
        self._hub = hub
        self._roster = roster
        self._watch = watch
        self._period = period
        self._memory_limit = memory_limit
        self._expiry = min(_EXPIRY, max(history_age / 2, period))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beat for as long as the context is open."""
        beat_task = asyncio.create_task(self._run(), name="heartbeat")
        try:
            yield
        finally:
            beat_task.cancel()
            with suppress(asyncio.CancelledError):
                await beat_task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        expired = loop.time()
        while True:
            due = loop.time() + self._period
            await asyncio.sleep(self._period)
            now = loop.time()
            self._watch.loop_delay = now - due
            self.is_overloaded = process_memory.resident() > self._memory_limit * _FULL
            self._hub.check_patience(now)
            self._hub.end_graces(now)
            async for client in _in_turns(self._roster.clients):
                try:
                    client.beat(now)
                except Exception:  # of one client; the others still need their heartbeat
                    logger.exception("a defect of the relay")
            if now - expired >= self._expiry:
                expired = now
                async for room in _in_turns(self._hub.rooms.values()):
                    self._hub.expire(room)


async def _in_turns(items: Collection[T]) -> AsyncIterator[T]:
    """Yield the items as they are now, and let the event loop go on now and then."""
    for index, item in enumerate(tuple(items)):
        yield item
        if index % _TURN == _TURN - 1:
            await asyncio.sleep(0)
