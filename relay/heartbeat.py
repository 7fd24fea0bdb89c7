"""The relay's pulse: one task looks after all connections, rooms, and the memory that is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from relay import memory
from relay.hub import Hub
from relay.metrics import Watch
from relay.roster import Roster

_TURN: Final = 500  # connections looked at before others get their turn
_FULL: Final = 0.8  # of the memory limit, from which the relay takes no new work


class Heartbeat:
    """Beats every `period` seconds; `is_overloaded` says whether new work is refused."""

    def __init__(
        self, hub: Hub, roster: Roster, watch: Watch, period: float, memory_limit: int
    ) -> None:
        self.is_overloaded = False
        self._hub = hub
        self._roster = roster
        self._watch = watch
        self._period = period
        self._memory_limit = memory_limit

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
        while True:
            due = loop.time() + self._period
            await asyncio.sleep(self._period)
            now = loop.time()
            self._watch.loop_delay = now - due
            self.is_overloaded = memory.resident() > self._memory_limit * _FULL
            self._hub.expire()
            for index, client in enumerate(tuple(self._roster.clients)):
                client.beat(now)
                if index % _TURN == _TURN - 1:
                    await asyncio.sleep(0)
