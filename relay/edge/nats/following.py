"""How a relay begins to follow a room: it is told who is there, or finds that nobody knows.

Relays that follow a room answer who is in it, and up to where they have followed. Where nobody
does, a relay appends a *begin* behind the last entry: from there on the room is empty until
somebody joins. If others have followed the room all the same, and could not answer, they see that
entry too, and tell again who is there. So a begin is never wrong, only costly.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from relay.account import Account
from relay.edge.nats import format, subjects
from relay.edge.nats.errors import Away
from relay.edge.nats.flight import EXPECTED
from relay.edge.nats.link import Link
from relay.edge.nats.log import NatsLog
from relay.edge.nats.reading import Read
from relay.edge.nats.stream import EntryStream
from relay.room.batch import Batch
from relay.room.presence import PresenceState
from relay.room.tail import Retention

logger = logging.getLogger("relay")

_ASK: Final = 1.0  # seconds for an answer
_ASKED: Final = 3  # times, before nobody is taken to know
_PAUSE: Final = 0.05  # seconds between two attempts
_PART: Final = 1000  # people in one message


class Following:
    """Opens one room's log, and answers others who do; `describe` tells who is in the room."""

    def __init__(
        self,
        log: NatsLog,
        link: Link,
        stream: EntryStream,
        retention: Retention,
        account: Account,
        describe: Callable[[], PresenceState],
    ) -> None:
        self.log = log
        self.opened = asyncio.Event()
        self._link = link
        self._stream = stream
        self._retention = retention
        self._account = account
        self._describe = describe
        self._subscriptions: list[Subscription] = []
        self._offers = False  # to tell who is there
        self._open_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the log, if nobody has begun to."""
        if self._open_task is None:
            self._open_task = asyncio.create_task(self._open(), name="opening")

    async def listen(self) -> None:
        """Hear what is appended, by a new connection."""
        self._subscriptions = []
        if self._open_task is None:
            return
        await self._subscribe()
        if self._offers:
            self._offers = False
            await self._offer()
        if self.opened.is_set():
            self.log.catch_up()

    async def close(self) -> None:
        """The room is forgotten."""
        if self._open_task is not None and self._open_task is not asyncio.current_task():
            self._open_task.cancel()
        self.opened.set()
        for subscription in self._subscriptions:
            with suppress(Exception):
                await subscription.unsubscribe()

    async def go_on(self) -> None:
        """Go on where another process has stood."""
        self.start()
        await self.opened.wait()

    async def _open(self) -> None:
        while not self.opened.is_set():
            try:
                if not self._subscriptions:
                    await self._subscribe()
                await self._link.flush()
                if self.log.goes_on:
                    await self._offer()
                    self.log.resume()
                    self.opened.set()
                elif await self._begin_or_ask():
                    self.opened.set()
                    return
            except Away as away:
                logger.debug("room %r cannot be opened yet: %s", self.log.name, away)
            except Exception:
                logger.exception("a defect of the relay")
            await asyncio.sleep(_PAUSE)

    async def _begin_or_ask(self) -> bool:
        """Return whether the log could be opened."""
        log, size, age = self.log, self._retention.size, self._retention.age
        # In this order: a relay that begins to follow the room after this answers, or appends.
        head = await self._stream.last_of(log.subject)
        state = await self._ask()
        if state is None:
            await self._offer()
            begun = await self._begin(head)
            if begun is None:
                await self.withdraw()
                return False
            state = {"head": begun, "trimmed": begun, "people": [], "gone": [], "holds": head > 0}
        held: Sequence[Read] = ()
        if size and age and state["holds"]:
            held = await self._stream.latest(log.subject, age, size)
        if not log.is_closed:
            people, gone = map(tuple, state["people"]), map(tuple, state["gone"])
            log.enter(PresenceState(people=tuple(people), gone=tuple(gone)))
            log.start(state["head"], state["trimmed"], held)
            await self._offer()
            log.catch_up()  # who has told it may be behind, and what it missed is not told again
        return True

    async def _ask(self) -> dict[str, Any] | None:
        """Return who is in the room, and since when; None: nobody knows."""
        for _ in range(_ASKED):
            parts = await self._ask_once()
            if parts is None:
                return None
            if parts and parts[0]["epoch"] == self._stream.epoch:
                return parts[0] | {"people": [each for part in parts for each in part["people"]]}
        return None

    async def _ask_once(self) -> list[dict[str, Any]] | None:
        """Return the parts of an answer, none if there was none in time; None: nobody is there."""
        parts: list[dict[str, Any]] = []
        whole = asyncio.Event()
        is_deserted = False

        async def take(message: Msg) -> None:
            nonlocal is_deserted
            if message.data:
                parts.append(orjson.loads(message.data))
            is_deserted = not message.data
            if is_deserted or len(parts) >= parts[0]["of"]:
                whole.set()

        inbox = self._link.client.new_inbox()
        subscription = await self._link.subscribe(inbox, take)
        try:
            subject = subjects.state(self.log.name)
            await self._link.publish(subject, b"", inbox)
            await asyncio.wait_for(whole.wait(), _ASK)
        except TimeoutError:
            return []
        finally:
            with suppress(Exception):
                await subscription.unsubscribe()
        if is_deserted:
            return None
        return parts if parts[0]["of"] else []

    async def _begin(self, head: int) -> int | None:
        """Append a begin; return its sequence, None if another entry came first."""
        batch = Batch(b"", (), "", 0, self._account)
        at = int(self._retention.clock() * 1000)
        data = format.pack(batch, at, head, is_begin=True)
        answer = await self._link.request(self.log.subject, data, headers={EXPECTED: str(head)})
        taken = orjson.loads(answer.data)
        return None if "error" in taken else int(taken["seq"])

    async def _subscribe(self) -> None:
        subject = subjects.entries(self.log.name)
        self._subscriptions.append(await self._link.subscribe(subject, self.log.on_message))

    async def _offer(self) -> None:
        """Answer from now on who asks; one of those who do is asked."""
        if not self._offers:
            self._offers = True
            subject = subjects.state(self.log.name)
            handler = self._asked
            self._subscriptions.append(await self._link.subscribe(subject, handler, "relays"))

    async def withdraw(self) -> None:
        """Stop answering."""
        self._offers = False
        with suppress(Exception):
            await self._subscriptions.pop().unsubscribe()

    async def _asked(self, message: Msg) -> None:
        log = self.log
        if not log.is_ready:  # it is being opened here, too
            with suppress(TimeoutError):
                await asyncio.wait_for(self.opened.wait(), _ASK / 2)
        if not log.is_ready:
            await self._link.publish(message.reply, orjson.dumps({"of": 0}))
            return
        state = self._describe()
        people = state.people
        of = max(-(-len(people) // _PART), 1)
        answer: dict[str, Any] = {
            "of": of,
            "epoch": log.epoch,
            "head": log.head,
            "trimmed": log.trimmed,
            "holds": bool(log.entries),
            "gone": state.gone,
        }
        # What is told has to be of one moment: so it is put together before anything is sent.
        parts = [
            orjson.dumps(answer | {"people": people[start : start + _PART]})
            for start in range(0, of * _PART, _PART)
        ]
        for part in parts:
            await self._link.publish(message.reply, part)
