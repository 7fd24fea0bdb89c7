"""Several relays as processes, with clients that reconnect: killed, drained, handed over."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.nats.server import NatsServer, need
from tests.process import Relay
from tests.relay.annotated import Annotated, Message, Place
from tests.relay.handover.succession import Succession

_ROOMS = 3
_CLIENTS = 8  # in each room
_SENDERS = 4  # of them


@dataclass
class Phone:
    """A client of `relay.v1` that comes back, to whatever relay there is, until it is done."""

    name: str
    room: str
    relays: list[Relay]
    numbers: int = 0  # of its messages, that its application has sent
    heard: list[str] = field(default_factory=list)
    gaps: int = 0
    unknown: int = 0
    connections: int = 0
    is_stopped: bool = False
    place: Place = field(init=False)
    _socket: Annotated | None = None

    def __post_init__(self) -> None:
        self.place = Place(f"session-of-{self.name}")

    async def run(self) -> None:
        while not self.is_stopped:
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
            send_task.cancel()
            with suppress(asyncio.CancelledError, WebSocketException):
                await send_task

    async def _send(self, client: Annotated, sent: int) -> None:
        while True:
            while sent < self.numbers:
                sent += 1
                await client.socket.send(f"{self.name} {sent}")
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    need()
    async with NatsServer(tmp_path / "store") as server:
        yield server


async def test_any_relay_may_die_drain_or_be_replaced(nats: NatsServer, tmp_path: Path) -> None:
    """Every ledger exact, and one order in each room, on all relays."""
    settings: dict[str, Any] = {"NATS_URL": nats.url, "PING_INTERVAL": "5s", "DRAIN_WINDOW": "1s"}
    async with AsyncExitStack() as stack:
        third = Succession(tmp_path, "relay", settings)
        stack.push_async_callback(third.kill)
        relays = list(
            await asyncio.gather(Relay.start(**settings), Relay.start(**settings), third.next())
        )
        for relay in relays[:2]:
            stack.push_async_callback(relay.kill)
        phones = [
            Phone(f"p{room}-{number}", f"room{room}", relays)
            for room in range(_ROOMS)
            for number in range(_CLIENTS)
        ]
        tasks = [asyncio.create_task(phone.run()) for phone in phones]

        async def talk(seconds: float) -> None:
            end = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < end:
                for phone in phones:
                    if int(phone.name[-1]) < _SENDERS:
                        phone.say()
                await asyncio.sleep(0.05)

        async with asyncio.timeout(60):
            while not all(phone.connections for phone in phones):
                await asyncio.sleep(0.05)
        await talk(1)
        victim = relays.pop(0)  # it dies, and another one comes
        await victim.kill()
        await talk(1)
        relays.append(await Relay.start(**settings))
        stack.push_async_callback(relays[-1].kill)
        await talk(1)
        drained = relays.pop(0)
        assert await drained.stop() == 0
        await talk(1)
        before = relays.pop(0)  # the third: handed over
        connections = sum(phone.connections for phone in phones)
        relays.append(await third.next())
        async with asyncio.timeout(20):
            await before.logged("handed over")
        await talk(1)
        handed_over = sum(phone.connections for phone in phones) - connections
        async with asyncio.timeout(60):
            while not all(phone.is_done for phone in phones):
                await asyncio.sleep(0.05)
        for phone in phones:  # a last one from each, behind which nothing comes
            phone.say()
        async with asyncio.timeout(60):
            while not all(_whole(phone, phones) for phone in phones):
                await asyncio.sleep(0.05)
        for phone in phones:
            phone.is_stopped = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert handed_over == 0
        _judge(phones)
        for relay in (*relays, before):
            assert not [line for line in relay.log if "defect" in line], relay.log


def _expected(phone: Phone, phones: list[Phone]) -> int:
    return sum(each.numbers for each in phones if each.room == phone.room and each is not phone)


def _whole(phone: Phone, phones: list[Phone]) -> bool:
    return phone.is_done and len(phone.heard) >= _expected(phone, phones)


def _judge(phones: list[Phone]) -> None:
    for phone in phones:
        assert not phone.gaps and not phone.unknown, phone.name
        twice = [word for word, count in Counter(phone.heard).items() if count > 1]
        assert not twice, (phone.name, twice[:5])
        assert len(phone.heard) == _expected(phone, phones), phone.name
        for other in phones:
            own = [word for word in phone.heard if word.startswith(f"{other.name} ")]
            assert own == [f"{other.name} {at + 1}" for at in range(len(own))], phone.name
    for phone in phones:  # what two have heard both stands in the same order
        first = next(each for each in phones if each.room == phone.room)
        common = set(phone.heard) & set(first.heard)
        assert [word for word in phone.heard if word in common] == [
            word for word in first.heard if word in common
        ]
