"""The logs of all rooms that this relay follows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
from nats.aio.msg import Msg

from relay.edge.nats import subjects
from relay.edge.nats.errors import Away
from relay.edge.nats.following import Following
from relay.edge.nats.latency import Latency
from relay.edge.nats.link import Link
from relay.edge.nats.log import NatsLog
from relay.edge.nats.stream import EntryStream
from relay.names import RoomName
from relay.room.hub import Hub
from relay.room.log import Follower, LogState
from relay.room.room import Room
from relay.room.shared import Shared
from relay.room.tail import Retention

logger = logging.getLogger("relay")

_OPEN: Final = 4.0  # seconds for a room's log to be opened


class NatsRooms:
    """Opens logs, and knows them by their rooms; `on_lost` closes the members of one that ends,
    `on_relay` is told who appends.
    """

    def __init__(
        self, link: Link, stream: EntryStream, shared: Shared, retention: Retention
    ) -> None:
        self.link = link
        self.stream = stream
        self.followed: dict[RoomName, Following] = {}
        self.latency = Latency()
        self.foreign = 0  # messages in rooms' subjects that are no entries
        self.stale = 0  # entries that NATS gave a place which they do not fit
        self.refused = 0  # batches that the stream did not take
        self.hub: Hub
        self.on_lost: Callable[[Room], None]
        self.on_relay: Callable[[str], None]
        self._shared = shared
        self._retention = retention
        self._loop = asyncio.get_running_loop()
        self._expected: dict[str, Callable[[Msg], None]] = {}
        self._inbox = ""
        self._number = 0
        self._work: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """Batches whose place is not known yet."""
        return sum(each.log.flight is not None for each in self.followed.values())

    @property
    def logs(self) -> Sequence[NatsLog]:
        return [following.log for following in self.followed.values()]

    def open_log(self, name: RoomName, follower: Follower, state: LogState | None) -> NatsLog:
        """Return the log of a room; it opens when it is visited, or appends."""
        log = NatsLog(name, follower, self, self._retention, self._shared.account, state)
        self.followed[name] = Following(
            log, self.link, self.stream, self._retention, self._shared.account, follower.who
        )
        return log

    @asynccontextmanager
    async def visit(self, name: RoomName) -> AsyncIterator[None]:
        """Have a room followed while the context is open; raise `Away` where that fails."""
        self.hub.room(name)
        following = self.followed[name]
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

    async def listen(self) -> None:
        """Subscribe by a new connection."""
        self._expected.clear()
        self._inbox = self.link.client.new_inbox()
        await self.link.subscribe(f"{self._inbox}.*", self._take_answer)
        await self.hear_places()
        for following in tuple(self.followed.values()):
            await following.listen()

    async def hear_places(self) -> None:
        """Hear, by this relay's name, which relays need the next place in a log."""
        await self.link.subscribe(subjects.places(self._shared.relay), self._leave_place)

    def stop(self) -> None:
        """Begin nothing more."""
        for work in tuple(self._work):
            work.cancel()

    def start_following(self, room: RoomName) -> None:
        self.followed[room].start()

    def forget(self, room: RoomName, log: object) -> None:
        following = self.followed.get(room)
        if following is not None and following.log is log:
            del self.followed[room]
            self.spawn(following.close())

    def lose(self, room: RoomName, why: str) -> None:
        self.lose_all([self.followed[room].log], why)

    def lose_all(self, logs: Sequence[NatsLog], why: str) -> None:
        """These logs cannot go on: the members of their rooms are closed, and have to reconnect."""
        if logs:
            logger.warning("members of %d rooms have to come again: %s", len(logs), why)
        for log in logs:
            room = self.hub.rooms.get(log.name)
            if room is not None:
                self.on_lost(room)
            log.close()

    def expect(self, handle: Callable[[Msg], None]) -> str:
        self._number += 1
        token = str(self._number)
        self._expected[token] = handle
        return f"{self._inbox}.{token}"

    def ask_for_place(self, room: RoomName, relay: str, sequence: int) -> None:
        note = orjson.dumps([self._shared.relay, sequence])
        self.spawn(self.link.publish(subjects.places(relay, room), note))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)  # as it is: one inside another may never be begun
        self._work.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        problem = None if task.cancelled() else task.exception()
        if not (problem is None or isinstance(problem, Away)):  # that is done again
            logger.error("a defect of the relay", exc_info=problem)

    def note_foreign(self, subject: str, problem: str) -> None:
        self.foreign += 1
        if self.foreign == 1:
            logger.warning("ignored a message in %s that is no entry: %s", subject, problem)

    def note_stale(self) -> None:
        self.stale += 1

    def note_refused(self, problem: str) -> None:
        self.refused += 1
        if self.refused == 1:
            logger.warning("NATS does not take a batch, and is asked again: %s", problem)

    def note_relay(self, relay: str) -> None:
        self.on_relay(relay)

    def note_latency(self, seconds: float) -> None:
        self.latency.add(seconds)

    async def _leave_place(self, message: Msg) -> None:
        try:
            relay, sequence = orjson.loads(message.data)
            following = self.followed.get(RoomName(subjects.decode(message.subject.split(".")[-1])))
        except (ValueError, TypeError):
            return
        if following is not None and isinstance(relay, str) and isinstance(sequence, int):
            following.log.rotation.leave(relay, sequence, self._loop.time())

    async def _take_answer(self, message: Msg) -> None:
        handle = self._expected.pop(message.subject.rpartition(".")[2], None)
        if handle is not None:
            handle(message)
