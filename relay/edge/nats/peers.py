"""The relays that share the rooms: who lives, and what they are asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
from nats.aio.msg import Msg

from relay.edge.nats import subjects
from relay.edge.nats.errors import Away
from relay.edge.nats.link import Link

logger = logging.getLogger("relay")

Answer = Callable[[dict[str, Any]], Awaitable[Any]]

PERIOD: Final = 1.0  # seconds between two signs of life
DEAD: Final = 10.0  # seconds without one after which a relay is gone
_GATHER: Final = 1.0  # seconds for all to answer


class Peers:
    """`heard` tells when each other relay was heard last, by the event loop's clock."""

    def __init__(self, relay: str, link: Link, answer: Answer) -> None:
        self.relay = relay
        self.heard: dict[str, float] = {}
        self.members: dict[str, int] = {}  # connections of each, as it has told
        self._link = link
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._answers: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Hear the others, and answer them."""
        for relay in self.heard:  # while nobody was heard, nobody has died
            self.heard[relay] = self._loop.time()
        await self._link.subscribe(subjects.ALIVE, self._hear)
        await self._link.subscribe(subjects.relay(self.relay), self._asked)
        await self._link.subscribe(subjects.ALL, self._asked)

    async def rename(self, relay: str) -> None:
        """Go on as the relay that another process was."""
        self.relay = relay
        self.heard.pop(relay, None)
        self.members.pop(relay, None)
        await self._link.subscribe(subjects.relay(relay), self._asked)

    def note(self, relay: str) -> None:
        """This relay has been seen at work."""
        if relay and relay != self.relay:
            self.heard[relay] = self._loop.time()

    def overdue(self) -> Sequence[str]:
        """Return the relays that are gone, once."""
        limit = self._loop.time() - DEAD
        gone = [relay for relay, heard in self.heard.items() if heard < limit]
        for relay in gone:
            del self.heard[relay]
            self.members.pop(relay, None)
        return gone

    async def tell(self, members: int, *, leaves_in: float | None = None) -> None:
        """Give a sign of life; or say that this relay goes, and when others may say so."""
        note = {"relay": self.relay, "members": members, "leaves_in": leaves_in}
        await self._link.publish(subjects.ALIVE, orjson.dumps(note))

    async def ask(self, relay: str, question: dict[str, Any], timeout: float) -> Any:
        """Return what a relay answers; raise `NoResponders` if it is gone, or `Away`."""
        answer = await self._link.request(subjects.relay(relay), orjson.dumps(question), timeout)
        return orjson.loads(answer.data)

    async def ask_all(self, question: dict[str, Any]) -> list[Any]:
        """Return what the others answer, as far as they do so in time."""
        expected = len(self.heard)
        found: list[Any] = []
        if not expected:
            return found
        whole = asyncio.Event()

        async def take(message: Msg) -> None:
            if message.data:  # else nobody listens
                found.append(orjson.loads(message.data))
            if len(found) >= expected:
                whole.set()

        inbox = self._link.client.new_inbox()
        subscription = await self._link.subscribe(inbox, take)
        try:
            await self._link.publish(
                subjects.ALL, orjson.dumps(question | {"from": self.relay}), inbox
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(whole.wait(), _GATHER)
        finally:
            with suppress(Exception):
                await subscription.unsubscribe()
        return found

    async def _hear(self, message: Msg) -> None:
        try:
            note = orjson.loads(message.data)
            relay, members, leaves_in = note["relay"], int(note["members"]), note["leaves_in"]
        except (ValueError, LookupError, TypeError):
            return
        if relay == self.relay or not isinstance(relay, str):
            return
        now = self._loop.time()
        if relay not in self.heard:
            logger.info("relay %s shares the rooms", relay)
        self.members[relay] = members
        self.heard[relay] = now if leaves_in is None else now - DEAD + leaves_in

    async def _asked(self, message: Msg) -> None:
        try:
            question = orjson.loads(message.data)
        except ValueError:
            return
        if isinstance(question, dict) and question.get("from") != self.relay:
            # An answer may take seconds, and others wait behind it.
            task = self._loop.create_task(self._reply(message, question))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _reply(self, message: Msg, question: dict[str, Any]) -> None:
        try:
            answer = await self._answer(question)
            await self._link.publish(message.reply, orjson.dumps(answer))
        except Away:
            pass
        except Exception:
            logger.exception("a defect of the relay")
