"""One member of one room, for as long as it is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from random import randrange
from types import TracebackType
from typing import Final, Literal, Self

from relay_client.address import url_of
from relay_client.errors import Closed, QueueFull
from relay_client.events import Event, Message, State
from relay_client.inbox import Events, Messages
from relay_client.life import Life, Options, Token
from relay_client.outgoing import COST

_FAREWELL: Final = 5.0  # seconds in which the relay may still acknowledge what was sent
_QUEUE_LIMIT: Final = 1024 * 1024  # bytes


class RelayClient:
    """Connects when it is entered, and comes back by itself until it is left.

        async with RelayClient("https://relay.example", room="lobby", user="alice") as relay:
            await relay.send("hello")
            async for message in relay:
                print(message.sender, message.data)

    It speaks relay.v1: it reads every message of the room once and in order, and what it sends is
    in the room once; or `events` tell exactly what is missing (`Gap`), and the future that `send`
    returned fails with `Undelivered`.
    """

    def __init__(
        self,
        url: str,
        *,
        room: str = "lobby",
        user: str | None = None,
        token: Token = "",
        echo: bool = False,
        history: int = 0,
        lag: Literal["close", "skip"] = "close",
        queue_limit: int = _QUEUE_LIMIT,
        protocol: Literal["relay.v1", "raw"] = "relay.v1",
    ) -> None:
        """`url` is the relay's address: http, https, ws or wss.

        user: a guest's name if left out. token: where the relay asks for one; a function (it may
        be async) is asked anew before each connection, before the token that the relay has expires,
        and after it has. history: so many messages before the live ones. lag: whether the relay
        closes a client that reads too slowly, or skips messages. queue_limit: bytes that may wait
        until the relay holds them, each message counting 64 more than it has. protocol: "raw" is
        for other servers, and promises nothing.
        """
        self.user = user if user is not None else f"guest-{randrange(10**6)}"  # noqa: S311
        if not self.user.strip("."):
            raise ValueError(f"user {user!r}: expected a name")
        url_of(url, self.user, {})  # raises for an address that is none
        self.room = room
        self.queue_limit = queue_limit
        query = {"room": room}
        if echo:
            query["echo"] = "1"
        if lag == "skip":
            query["lag"] = "skip"
        is_raw = protocol == "raw"
        self._life = Life(Options(url, room, self.user, token, query, history, is_raw))
        self._life_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.opened()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to connect, without waiting for it; `async with` does this, too."""
        if self._life_task is None:
            self._life_task = asyncio.create_task(self._life.live())

    async def opened(self) -> None:
        """Wait until it is open; raises `Closed` when it is closed for good."""
        await self._life.is_settled.wait()
        if self.state is State.CLOSED:
            raise Closed(self.reason, self._life.close_code)

    @property
    def state(self) -> State:
        return self._life.state

    @property
    def reason(self) -> str:
        """Why it is in this state, in words."""
        return self._life.reason

    @property
    def members(self) -> list[str] | None:
        """Who is in the room, this client included; None: not known, or too many for a list."""
        members = self._life.session.members
        return None if members is None else list(members)

    @property
    def count(self) -> int | None:
        """How many are in the room; None: not known."""
        return self._life.session.count

    @property
    def queued(self) -> int:
        """Bytes sent that the relay is not known to hold, and 64 for each such message."""
        return self._life.outgoing.size

    def send(self, data: str | bytes | bytearray | memoryview) -> asyncio.Future[None]:
        """Send to everybody else in the room, now or as soon as there is a connection.

        Await what it returns to know that the relay holds the message (raw: that the network has
        it); it fails with `Undelivered` when nobody knows. Raises `QueueFull`, and `Closed`.
        """
        kept: str | bytes
        if isinstance(data, str):
            kept, size = data, len(data.encode())
        elif isinstance(data, bytes | bytearray | memoryview):
            kept = bytes(data)
            size = len(kept)
        else:
            raise TypeError(
                f"cannot send {type(data).__name__}: expected str, bytes, bytearray or memoryview"
            )
        if self.state is State.CLOSED:
            raise Closed(f"not sent, the client is closed: {self.reason}", self._life.close_code)
        cost = size + COST
        if self.queued and self.queued + cost > self.queue_limit:
            raise QueueFull(size, self.queued, self.queue_limit)
        future = self._life.outgoing.add(kept, cost)
        self._life.wake()
        return future

    def reconnect(self) -> None:
        """Connect now: sooner than planned, or anew where a connection is open."""
        if self.state is State.CLOSED:
            raise Closed(f"the client is closed: {self.reason}", self._life.close_code)
        self._life.hurry.set()

    async def close(self, reason: str = "closed by this client") -> None:
        """Leave the room for good, once the relay has acknowledged what was sent, or 5 seconds."""
        waiting = self._life.outgoing.waiting
        if self.state is State.OPEN and waiting:
            await asyncio.wait(waiting, timeout=_FAREWELL)
        if self._life_task is not None:
            self._life_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._life_task
        self._life.end(1000, reason)

    def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over messages, from the first on that nobody has read, until it is closed."""
        return Messages(self._life.inbox)

    def events(self) -> AsyncIterator[Event]:
        """Iterate over everything: messages, who comes and goes, gaps, states."""
        return Events(self._life.inbox)
