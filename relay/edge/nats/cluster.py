"""This relay among those that share its rooms: the logs of its rooms, and who else is there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from nats.aio.msg import Msg

from relay.access.revocations import Revocations
from relay.edge.nats.errors import Away, Unusable
from relay.edge.nats.following import Following
from relay.edge.nats.latency import Latency
from relay.edge.nats.link import Link
from relay.edge.nats.log import NatsLog
from relay.edge.nats.peers import PERIOD, Peers
from relay.edge.nats.revoked import Revoked
from relay.edge.nats.stream import Stream
from relay.names import RoomName
from relay.room.hub import Hub
from relay.room.log import Follower, LogState
from relay.room.room import Room
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
_OPEN: Final = 4.0  # seconds for a room's log to be opened


class Cluster:
    """Opens the rooms' logs; `answer` tells other relays what they ask, `on_lost` closes members.

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
        self.latency = Latency()
        self.foreign = 0  # messages in rooms' subjects that are no entries
        self.refused = 0  # batches that the stream did not take
        self.hub: Hub
        self.answer: Callable[[dict[str, Any]], Coroutine[Any, Any, Any]]
        self.on_lost: Callable[[Room], None]
        self.count: Callable[[], int]
        self.link = Link(settings.nats_url, shared.relay, self._on_up, self._on_down)
        self.stream = Stream(self.link, settings)
        self._shared = shared
        self._settings = settings
        self._retention = retention
        self._account = shared.account
        self._loop = asyncio.get_running_loop()
        self._followed: dict[RoomName, Following] = {}
        self._away_since = 0.0
        self._timeout = settings.nats_timeout
        self._has_closed = False  # the members, since NATS is away
        self._expected: dict[str, Callable[[Msg], None]] = {}
        self._inbox = ""
        self._number = 0
        self._work: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.revoked = Revoked(self.link, revocations)

    @property
    def relay(self) -> str:
        """The name of this relay among all."""
        return self._shared.relay

    @property
    def under_way(self) -> int:
        """Batches whose place is not known yet."""
        return sum(each.log.flight is not None for each in self._followed.values())

    async def start(self) -> None:
        """Find NATS and the stream; raise `Unusable` with the reason if there is none."""
        deadline = self._loop.time() + _START
        while True:
            try:
                await self.link.connect()
                await self.stream.check()
                break
            except Away as away:
                if self._loop.time() > deadline:
                    raise Unusable(str(away)) from None
                await asyncio.sleep(_AGAIN)
        self.peers = Peers(self.relay, self.link, self._answer)
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
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if leaves:
            with suppress(Away):
                await self.peers.tell(0, leaves_in=self._settings.leave_grace)
        for work in tuple(self._work):
            work.cancel()
        await self.link.close()

    def open_log(self, name: RoomName, follower: Follower, state: LogState | None) -> NatsLog:
        """Return the log of a room; it opens when it is visited, or appends."""
        log = NatsLog(name, follower, self, self._retention, self._account, state)
        self._followed[name] = Following(
            log, self.link, self.stream, self._retention, self._account, follower.who
        )
        return log

    @asynccontextmanager
    async def visit(self, name: RoomName) -> AsyncIterator[None]:
        """Have a room followed while the context is open; raise `Away` where that fails."""
        if self.is_away:
            raise Away("NATS is away")
        self.hub.room(name)
        following = self._followed[name]
        log = following.log
        log.visitors += 1
        try:
            following.start()
            try:
                await asyncio.wait_for(following.opened.wait(), _OPEN)
            except TimeoutError:
                raise Away("the room's log cannot be opened") from None
            if log.is_closed:
                raise Away("the room's log has ended")
            yield
        finally:
            log.visitors -= 1

    def take_over(self) -> None:
        """Follow the rooms of another process, as the relay that it was."""
        for name, following in self._followed.items():
            if following.log.goes_on:
                if following.log.epoch != self.stream.epoch:
                    self.lose(following.log, "its log was another one before")
                    continue
                following.start()
            if name in self.hub.rooms:
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
        self.spawn(self.peers.rename(self.relay))

    def start_following(self, log: NatsLog) -> None:
        self._followed[log.name].start()

    def forget(self, log: NatsLog) -> None:
        following = self._followed.get(log.name)
        if following is not None and following.log is log:
            del self._followed[log.name]
            self.spawn(following.close())

    def lose(self, log: NatsLog, why: str) -> None:
        self._lose([log], why)

    def expect(self, handle: Callable[[Msg], None]) -> str:
        self._number += 1
        token = str(self._number)
        self._expected[token] = handle
        return f"{self._inbox}.{token}"

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(_unless_away(work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def note_foreign(self, subject: str, problem: str) -> None:
        self.foreign += 1
        if self.foreign == 1:
            logger.warning("ignored a message in %s that is no entry: %s", subject, problem)

    def note_refused(self, problem: str) -> None:
        self.refused += 1
        if self.refused == 1:
            logger.warning("NATS does not take a batch, and is asked again: %s", problem)

    def note_relay(self, relay: str) -> None:
        self.peers.note(relay)

    def note_latency(self, seconds: float) -> None:
        self.latency.add(seconds)

    async def _answer(self, question: dict[str, Any]) -> Any:
        return await self.answer(question)

    async def _listen(self) -> None:
        """Subscribe by a new connection."""
        self._expected.clear()
        self._inbox = self.link.client.new_inbox()
        await self.link.subscribe(f"{self._inbox}.*", self._take_answer)
        await self.peers.listen()
        await self.revoked.listen()
        for following in tuple(self._followed.values()):
            await following.listen()

    async def _take_answer(self, message: Msg) -> None:
        handle = self._expected.pop(message.subject.rpartition(".")[2], None)
        if handle is not None:
            handle(message)

    async def _on_up(self) -> None:
        """NATS is there again."""
        known = self.stream.last
        try:
            await self._check_life(self.stream.check())
        except Unusable as problem:
            raise Away(str(problem)) from None
        if self.stream.first > known + 1:
            ready = [each.log for each in self._followed.values() if each.log.is_ready]
            self._lose(ready, "NATS no longer holds what was missed")
        self.is_away = self._has_closed = False
        await self._listen()
        logger.warning("NATS is there again after %.1f s", self._loop.time() - self._away_since)

    def _on_down(self) -> None:
        if self.is_away:
            return
        self.is_away, self._away_since = True, self._loop.time()
        logger.warning("NATS is away: %s", self.link.problem or "the connection is lost")
        for following in tuple(self._followed.values()):
            following.log.go_away()

    async def _check_life(self, look: Coroutine[Any, Any, None]) -> None:
        """Look at the stream; if it has begun anew, so do all rooms."""
        epoch = self.stream.epoch
        await look
        if self.stream.epoch != epoch:
            logs = [each.log for each in self._followed.values()]
            self._lose(logs, "its stream has begun anew")

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
                    for following in tuple(self._followed.values()):
                        following.log.look(now)
                elif not self._has_closed and now - self._away_since > self._timeout:
                    self._has_closed = True
                    logs = [each.log for each in self._followed.values()]
                    self._lose(logs, f"NATS is away for {self._timeout:g} s")
            except Exception:
                logger.exception("a defect of the relay")

    def _lose(self, logs: Sequence[NatsLog], why: str) -> None:
        """These logs cannot go on: who is in their rooms has to come again."""
        if logs:
            logger.warning("members of %d rooms have to come again: %s", len(logs), why)
        for log in logs:
            room = self.hub.rooms.get(log.name)
            if room is not None:
                self.on_lost(room)
            log.close()


async def _unless_away(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Away:
        pass  # it is done again when NATS is there
    except Exception:
        logger.exception("a defect of the relay")
