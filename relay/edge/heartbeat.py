"""One task looks after all connections and rooms, and after the memory that is left."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from relay.edge.counters import Counters
from relay.edge.memory import Memory
from relay.edge.roster import Roster
from relay.room.hub import Hub

logger = logging.getLogger("relay")

T = TypeVar("T")

_TURN: Final = 0.002  # seconds of looking at clients or rooms before others get their turn
_LOOK: Final = 16  # of them between two looks at the clock
_EXPIRY: Final = 5.0  # seconds between two looks at all rooms' history


class Heartbeat:
    """Beats every `period` seconds; `is_overloaded` says whether new work is refused.

    `others` returns what is held for connections that are not a member's, in bytes.
    """

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        counters: Counters,
        *,
        period: float,
        history_age: float,
        memory: Memory,
        others: Callable[[], int] = lambda: 0,
    ) -> None:
        self.is_overloaded = False
        self._hub = hub
        self._roster = roster
        self._counters = counters
        self._period = period
        self._memory = memory
        self._others = others
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
            self._counters.loop_delay = now - due
            account = self._roster.account
            self.is_overloaded = self._memory.is_short(account.held, now)
            if account.held > self._roster.held_limit:
                self._roster.relieve(now)
            self._hub.check_patience(now)
            self._hub.end_graces(now)
            sampled = self._others()
            async for clients in _in_turns(self._roster.clients):
                for client in clients:
                    try:
                        sampled += client.beat(now)
                    except Exception:  # of one client; the others still need their heartbeat
                        logger.exception("a defect of the relay")
            account.sampled = sampled
            if now - expired >= self._expiry:
                expired = now
                async for rooms in _in_turns(self._hub.rooms.values()):
                    for room in rooms:
                        self._hub.expire(room)


async def _in_turns(items: Collection[T]) -> AsyncIterator[Sequence[T]]:
    """Yield the items as they are now, a few at once, and let the event loop go on in between."""
    all_items = tuple(items)
    began = time.monotonic()
    for start in range(0, len(all_items), _LOOK):
        yield all_items[start : start + _LOOK]
        if time.monotonic() - began > _TURN:
            await asyncio.sleep(0)
            began = time.monotonic()
