"""What the application has not read yet."""

from asyncio import Event as Signal
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from relay_client.events import Event, Gap, Message

LIMIT: Final = 1_000  # events that wait for the application


class Inbox:
    """Who reads it slows the relay; messages that nobody reads are counted, and not kept."""

    def __init__(self) -> None:
        self.readers = 0
        self._events: deque[Event] = deque()
        self._missed = 0  # messages that nobody read
        self._is_closed = False
        self._filled = Signal()
        self._emptied = Signal()

    def put(self, event: Event) -> None:
        """Keep an event."""
        self._events.append(event)
        while not self.readers and len(self._events) > LIMIT:
            oldest = self._events.popleft()
            if isinstance(oldest, Message):
                self._missed += 1
        self._filled.set()

    async def wait_for_room(self) -> None:
        """Wait while the application is behind."""
        while self.readers and len(self._events) >= LIMIT:
            self._emptied.clear()
            await self._emptied.wait()

    def close(self) -> None:
        """Nothing follows."""
        self._is_closed = True
        self._filled.set()

    def released(self) -> None:
        """A reader has gone."""
        self.readers -= 1
        self._emptied.set()

    async def next(self) -> Event | None:
        """Return the oldest event, which nobody gets again; None: it is closed."""
        if self._missed:
            missed, self._missed = self._missed, 0
            return Gap(missed)
        while not self._events:
            if self._is_closed:
                return None
            self._filled.clear()
            await self._filled.wait()
        self._emptied.set()
        return self._events.popleft()


class Events(AsyncIterator[Event]):
    """All events, until the client is closed."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        inbox.readers += 1

    async def __anext__(self) -> Event:
        event = await self._inbox.next()
        if event is None:
            raise StopAsyncIteration
        return event

    def __del__(self) -> None:
        self._inbox.released()  # a loop that was left slows nobody


class Messages(AsyncIterator[Message]):
    """The messages among them; whoever reads these alone is not told of a gap."""

    def __init__(self, inbox: Inbox) -> None:
        self._events = Events(inbox)

    async def __anext__(self) -> Message:
        async for event in self._events:
            if isinstance(event, Message):
                return event
        raise StopAsyncIteration
