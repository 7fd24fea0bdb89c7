"""This relay among those that share its rooms: the logs of its rooms, and who else is there."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from relay.access.revocations import Revocations
from relay.edge.nats.ending import end
from relay.edge.nats.errors import Away, NoResponders, Unusable
from relay.edge.nats.link import Link
from relay.edge.nats.peers import PERIOD, Peers
from relay.edge.nats.revoked import Revoked
from relay.edge.nats.rooms import NatsRooms
from relay.edge.nats.stream import EntryStream
from relay.room.hub import Hub
from relay.room.shared import Shared
from relay.room.tail import Retention
from relay.settings import Settings

logger = logging.getLogger("relay")

_START: Final = 5.0  # seconds to find NATS at the start
_AGAIN: Final = 0.3  # seconds between two attempts
_FAILURES: Final = 2  # times that the stream is not there before the connection is given up
_LOOK: Final = 0.25  # seconds between two looks at what is on its way
_REST: Final = 2.0  # seconds for all logs to answer before a handover
_TICK: Final = 0.001  # seconds between two looks at that


class Cluster:
    """`answer` tells other relays what they ask, `count` how many connections there are here.

    `is_away` says whether NATS cannot be reached.
    """

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        retention: Retention,
        revocations: Revocations,
    ) -> None:
        self.is_away = False
        self.answer: Callable[[dict[str, Any]], Coroutine[Any, Any, Any]]
        self.count: Callable[[], int]
        self.link = Link(settings.nats_url, shared.relay, self._on_up, self._on_down)
        self.stream = EntryStream(self.link, settings)
        self.rooms = NatsRooms(self.link, self.stream, shared, retention)
        self._shared = shared
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._away_since = 0.0
        self._timeout = settings.nats_timeout
        self._has_closed = False  # the members, since NATS is away
        self._tasks: list[asyncio.Task[None]] = []
        self.revoked = Revoked(self.link, revocations)

    @property
    def hub(self) -> Hub:
        """The rooms of this relay."""
        return self.rooms.hub

    @property
    def relay(self) -> str:
        """The name of this relay among all."""
        return self._shared.relay

    async def start(self) -> None:
        """Find NATS and the stream; raise `Unusable` with the reason if there is none."""
        deadline = self._loop.time() + _START
        while True:
            try:
                await self.link.connect()
                await self.stream.check()
                break
            except NoResponders:
                raise Unusable("JetStream is not enabled: start nats-server with -js") from None
            except Away as away:
                if self._loop.time() > deadline:
                    raise Unusable(str(away)) from None
                await asyncio.sleep(_AGAIN)
        self.peers = Peers(self.relay, self.link, self._answer)
        self.rooms.on_relay = self.peers.note
        await self._listen()
        await self.revoked.check(self._settings)
        self.link.run()
        self._tasks = [
            asyncio.create_task(self._pulse(), name="pulse"),
            asyncio.create_task(self._look(), name="log"),
        ]

    async def stop(self, *, leaves: bool = True) -> None:
        """Follow nothing any more; others may say at once that who was here has gone."""
        for task in self._tasks:
            await end(task)
        if leaves:
            with suppress(Away):
                await self.peers.tell(0, leaves_in=self._settings.leave_grace)
        self.rooms.stop()
        await self.link.close()

    def take_over(self) -> None:
        """Follow the rooms of another process, as the relay that it was."""
        for name, following in tuple(self.rooms.followed.items()):
            if following.log.goes_on and following.log.epoch != self.stream.epoch:
                self.rooms.lose(name, "its log was another one before")
            elif following.log.goes_on:
                following.start()
                self.hub.rooms[name].depart_missing()

    async def rest(self) -> None:
        """Return when all logs have answered; nobody publishes until `go_on`.

        Raises `TimeoutError`.
        """
        for room in self.hub.rooms.values():
            room.on_away()
        async with asyncio.timeout(_REST):
            while not all(room.is_at_rest for room in self.hub.rooms.values()):
                await asyncio.sleep(_TICK)

    def go_on(self) -> None:
        """Nothing came of a handover."""
        if not self.is_away:
            for room in self.hub.rooms.values():
                room.on_return()

    def snapshot(self) -> Any:
        """Return what a successor goes on with."""
        return {"relay": self.relay}

    def restore(self, state: Any) -> None:
        """Be the relay that another process was."""
        self._shared.relay = state["relay"]
        self.rooms.spawn(self.peers.rename(self.relay))
        self.rooms.spawn(self.rooms.hear_places())

    async def _answer(self, question: dict[str, Any]) -> Any:
        return await self.answer(question)

    async def _listen(self) -> None:
        """Subscribe by a new connection."""
        await self.peers.listen()
        await self.revoked.listen()
        await self.peers.tell(self.count())
        await self.rooms.listen()

    async def _on_up(self) -> None:
        """NATS is there again."""
        known = self.stream.last
        try:
            await self._check_life(self.stream.check())
        except Unusable as problem:
            raise Away(str(problem)) from None
        if self.stream.first > known + 1:
            ready = [log for log in self.rooms.logs if log.is_ready]
            self.rooms.lose_all(ready, "NATS no longer holds what was missed")
        await self._listen()
        self.is_away = self._has_closed = False
        logger.warning("NATS is there again after %.1f s", self._loop.time() - self._away_since)

    def _on_down(self) -> None:
        if self.is_away:
            return
        self.is_away, self._away_since = True, self._loop.time()
        logger.warning("NATS is away: %s", self.link.problem or "the connection is lost")
        for log in self.rooms.logs:
            log.go_away()

    async def _check_life(self, look: Coroutine[Any, Any, None]) -> None:
        """Look at the stream; if it has begun anew, so do all rooms."""
        epoch = self.stream.epoch
        await look
        if self.stream.epoch != epoch:
            self.rooms.lose_all(self.rooms.logs, "its stream has begun anew")

    async def _pulse(self) -> None:
        """Tell others that this relay lives, hear whether they do, and whether the stream does."""
        failures = 0
        while True:
            await asyncio.sleep(PERIOD)
            try:
                await self.peers.tell(self.count())
                await self._check_life(self.stream.refresh())
                failures = 0
                for relay in self.peers.overdue():
                    logger.warning("relay %s is gone: its members are taken to have left", relay)
                    for room in tuple(self.hub.rooms.values()):
                        room.depart_all(relay)
            except (Away, Unusable) as problem:
                failures += 1
                if failures >= _FAILURES and self.link.is_up:
                    self.link.problem = str(problem)
                    self.link.restart()
            except Exception:
                logger.exception("a defect of the relay")

    async def _look(self) -> None:
        """Look after batches whose place is not known, and after how long NATS has been away."""
        while True:
            await asyncio.sleep(_LOOK)
            now = self._loop.time()
            try:
                if not self.is_away:
                    for log in self.rooms.logs:
                        log.look(now)
                elif not self._has_closed and now - self._away_since > self._timeout:
                    self._has_closed = True
                    self.rooms.lose_all(self.rooms.logs, f"NATS is away for {self._timeout:g} s")
            except Exception:
                logger.exception("a defect of the relay")
