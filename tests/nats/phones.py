"""Clients that come back to whatever relay there is, and what each of them has to have heard."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.process import Relay
from tests.relay.annotated import Annotated, Message, Place

_ROOMS = 3
_CLIENTS = 8  # in each room
_SENDERS = 4  # of them
_PATIENCE = 90  # seconds for all to be in, or to have heard everything


@dataclass
class Phone:
    """A client of `relay.v1` that comes back, to whatever relay there is, until it is done."""

    name: str
    room: str
    relays: list[Relay]
    talks: bool
    numbers: int = 0  # of its messages, that its application has sent
    heard: list[str] = field(default_factory=list)
    gaps: int = 0
    unknown: int = 0
    connections: int = 0
    is_in: bool = False
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.place = Place(f"session-of-{self.name}")

    async def run(self) -> None:
        while True:
            relay = random.choice(self.relays)
            with suppress(OSError, WebSocketException, InvalidHandshake, TimeoutError):
                async with asyncio.timeout(20):
                    client = await Annotated.connect(relay, self.name, self.place, room=self.room)
                await self._live(client)
            await asyncio.sleep(random.uniform(0.02, 0.1))

    def say(self) -> None:
        self.numbers += 1

    @property
    def is_done(self) -> bool:
        return self.place.acked == self.numbers

    async def _live(self, client: Annotated) -> None:
        self.connections += 1
        self.is_in = True
        welcome = client.welcome
        self.gaps += welcome["gap"]
        if welcome["received"] is None:
            self.unknown += 1
        sent = self.place.acked
        send_task = asyncio.create_task(self._send(client, sent))
        try:
            while True:
                found = await client.read()
                if isinstance(found, Message):
                    self.heard.append(str(found.data))
        finally:
            self.is_in = False
            send_task.cancel()
            with suppress(asyncio.CancelledError, WebSocketException):
                await send_task

    async def _send(self, client: Annotated, sent: int) -> None:
        while True:
            while sent < self.numbers:
                sent += 1
                await client.socket.send(f"{self.name} {sent}")
            await asyncio.sleep(0.005)


class Phones:
    """Some in each of three rooms; some of them talk."""

    def __init__(self, relays: list[Relay]) -> None:
        self.all = [
            Phone(f"p{room}-{number}", f"room{room}", relays, talks=number < _SENDERS)
            for room in range(_ROOMS)
            for number in range(_CLIENTS)
        ]

    @classmethod
    @asynccontextmanager
    async def of(cls, relays: list[Relay]) -> AsyncIterator["Phones"]:
        """Have all of them in; they go to any of the relays that the list holds at the time."""
        phones = cls(relays)
        tasks = [asyncio.create_task(phone.run()) for phone in phones.all]
        try:
            await phones.all_in()
            yield phones
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many they have had in all."""
        return sum(phone.connections for phone in self.all)

    async def all_in(self) -> None:
        """Return when everybody is connected."""
        async with asyncio.timeout(_PATIENCE):
            while not all(phone.is_in for phone in self.all):
                await asyncio.sleep(0.05)

    async def talk(self, seconds: float) -> None:
        """Have those who talk say something twenty times a second."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            for phone in self.all:
                if phone.talks:
                    phone.say()
            await asyncio.sleep(0.05)

    async def finish(self) -> None:
        """Return when everybody has heard a last message of each, behind which nothing comes."""
        async with asyncio.timeout(_PATIENCE):
            while not all(phone.is_done for phone in self.all):
                await asyncio.sleep(0.05)
        for phone in self.all:
            phone.say()
        async with asyncio.timeout(_PATIENCE):
            while not all(map(self._is_whole, self.all)):
                await asyncio.sleep(0.05)

    def judge(self) -> None:
        """Assert that nobody has missed a message or heard it twice, and that the order was one."""
        for phone in self.all:
            assert not phone.gaps and not phone.unknown, phone.name
            twice = [word for word, count in Counter(phone.heard).items() if count > 1]
            assert not twice, (phone.name, twice[:5])
            assert len(phone.heard) == self._expected(phone), phone.name
            for other in self.all:
                own = [word for word in phone.heard if word.startswith(f"{other.name} ")]
                assert own == [f"{other.name} {at + 1}" for at in range(len(own))], phone.name
        for phone in self.all:  # what two have heard both stands in the same order
            first = next(each for each in self.all if each.room == phone.room)
            common = set(phone.heard) & set(first.heard)
            assert [word for word in phone.heard if word in common] == [
                word for word in first.heard if word in common
            ]

    def _expected(self, phone: Phone) -> int:
        others = [each for each in self.all if each.room == phone.room and each is not phone]
        return sum(each.numbers for each in others)

    def _is_whole(self, phone: Phone) -> bool:
        return phone.is_done and len(phone.heard) >= self._expected(phone)
