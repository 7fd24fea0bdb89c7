"""Members that note what they are given: the seam of `relay.room` in its simplest form."""

from collections import deque
from collections.abc import Callable

from relay.names import RoomName, UserName
from relay.room.batch import Run
from relay.room.memory_log import Budget, MemoryLog
from relay.room.room import Room, Totals
from relay.wire.frames import BINARY, encode, ends


class Person:
    """A member, or a sender that is none."""

    def __init__(self, name: str, *, echo: bool = False) -> None:
        self.user = UserName(name)
        self.echo = echo
        self.congested = False
        self.heard: list[bytes] = []
        self.writes = 0
        self.is_held = False
        self.to_relay = 0

    def deliver(self, data: bytes, count: int) -> None:
        start, before = 0, len(self.heard)
        for end in ends(data):
            self.heard.append(data[start:end][2:])
            start = end
        assert len(self.heard) - before == count
        self.writes += 1

    def hold(self) -> None:
        self.is_held = True

    def release(self) -> None:
        self.is_held = False

    def relayed(self, size: int) -> None:
        self.to_relay -= size


class Loop:
    """What is scheduled, run pass by pass."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], None]] = deque()
        self.now = 0.0

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._due.append(callback)

    def run_once(self) -> bool:
        due, self._due = self._due, deque()
        for callback in due:
            callback()
        return bool(due)

    def run(self) -> None:
        while self.run_once():
            pass


def make_room(loop: Loop, *, size: int = 1_000_000, age: float = 120) -> Room:
    budget = Budget(10_000_000)
    return Room(
        RoomName("lobby"),
        lambda name, deliver: MemoryLog(deliver, size, age, budget, lambda: loop.now),
        loop.call_soon,
        Totals(),
    )


def say(room: Room, person: Person, *words: bytes) -> None:
    """Publish short binary messages in one run."""
    data = b"".join(encode(BINARY, word) for word in words)
    person.to_relay += len(data)
    room.publish(Run(person, data, len(words)))
