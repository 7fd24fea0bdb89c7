"""A relay without sockets: its hub, and its place among those that share the rooms."""

import asyncio
import time
from typing import Any

from relay.access.revocations import Revocations
from relay.edge.nats.cluster import Cluster
from relay.names import RoomName, UserName
from relay.room.hub import Hub
from relay.room.room import Room
from relay.room.shared import Shared
from relay.room.tail import Budget, Retention
from relay.settings import Settings
from tests.relay.unit.people import Person


class Guest(Person):
    """A member that may lose its place to one at another relay."""

    def hold(self) -> None:
        self.is_held = True


class Site:
    """One relay of several."""

    def __init__(self, name: str, **settings: Any) -> None:
        self.name = name
        self.settings = Settings(**settings)
        loop = asyncio.get_running_loop()
        self.shared = Shared(name, loop.call_soon, clock=loop.time, leave_grace=0.2)
        size, age = self.settings.history_size, self.settings.history_age
        self.retention = Retention(size, age, Budget(10**9), time.time)
        self.revocations = Revocations(time.time)
        self.cluster = Cluster(self.settings, self.shared, self.retention, self.revocations)
        self.rooms = self.cluster.rooms
        self.hub = self.rooms.hub = Hub(self.rooms.open_log, self.shared)
        self.lost: list[RoomName] = []
        self.revoked: list[Any] = []
        self.cluster.answer = self._answer
        self.rooms.on_lost = self._lose
        self.cluster.count = lambda: 0
        self.cluster.revoked.on_revoked = self.revoked.append

    async def __aenter__(self) -> "Site":
        await self.cluster.start()
        return self

    async def __aexit__(self, *details: Any) -> None:
        await self.cluster.stop(leaves=False)

    async def join(self, name: str, room: str = "lobby", **options: Any) -> Guest:
        """Have somebody in the room."""
        guest = Guest(name, **options)
        guest.id = guest.author.session
        await self.admit(guest, room)
        return guest

    async def admit(self, guest: Guest, room: str = "lobby") -> None:
        async with self.rooms.visit(RoomName(room)):
            self.room(room).join(guest)

    def room(self, name: str = "lobby") -> Room:
        return self.hub.room(RoomName(name))

    def people(self, name: str = "lobby") -> list[UserName]:
        return list(self.room(name).presence.people)

    @property
    def link_is_up(self) -> bool:
        return self.cluster.link.is_up

    async def _answer(self, question: dict[str, Any]) -> Any:
        return None

    def _lose(self, room: Room) -> None:
        self.lost.append(room.name)
        self.hub.drop(room)


async def until(condition: Any, seconds: float = 60) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
