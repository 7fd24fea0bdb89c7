"""Members that note what they are given: the seam of `relay.room` in its simplest form."""

from collections import deque
from collections.abc import Callable, Sequence

from relay.account import Account
from relay.names import RoomName, UserName
from relay.room.batch import MAX_BATCH, Author, Batch, Piece, SessionId, join
from relay.room.log import Entry, Log, LogState, OnEntry
from relay.room.member import Delivered
from relay.room.memory_log import MemoryLog
from relay.room.resume import Resume, Welcome
from relay.room.room import Room
from relay.room.shared import Shared
from relay.room.tail import Budget, Retention
from relay.wire.closing import Reason
from relay.wire.frames import BINARY, encode, ends


class Person:
    """A member, or a publisher that is none."""

    def __init__(self, name: str, *, echo: bool = False) -> None:
        self.user = UserName(name)
        self.author = Author(self.user, SessionId(f"session of {name}"))
        self.id = self.author.session
        self.excluded = None if echo else self.author.session
        self.resume: Resume | None = None
        self.echo = echo
        self.receives = True
        self.is_behind = False
        self.is_named = False
        self.outcome: Delivered | None = None  # instead of taking what comes
        self.heard: list[bytes] = []
        self.writes: list[int] = []  # bytes of each
        self.said = 0
        self.is_held = False
        self.uncredited = 0
        self.ends: list[str] = []

    def deliver(self, entry: Entry) -> Delivered:
        if self.outcome is not None and self.outcome is not Delivered.QUEUED:
            return self.outcome
        data = entry.batch.without(self.excluded)
        start, before = 0, len(self.heard)
        for end in ends(data):
            self.heard.append(payload(data[start:end]))
            start = end
        assert len(self.heard) - before == entry.batch.count_without(self.excluded)[0]
        if data:
            self.writes.append(len(data))
        has_own = self.excluded in entry.batch.own
        return self.outcome or (Delivered.REST if has_own else Delivered.TAKEN)

    def hold(self) -> None:
        assert not self.is_held
        self.is_held = True

    def release(self) -> None:
        self.is_held = False

    def credit(self, size: int) -> None:
        self.uncredited -= size

    def welcome(self, welcome: Welcome) -> None:
        raise AssertionError

    def dismiss(self, reason: Reason) -> None:
        self.ends.append(reason.name.lower())

    def overrun(self) -> None:
        self.ends.append("overrun")

    def settled(self) -> None:
        self.ends.append("settled")


def payload(frame: bytes) -> bytes:
    """Return what a frame of ours carries."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


class Loop:
    """What is scheduled, run pass by pass; `now` is its clock."""

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


class LateLog:
    """A memory log that answers only when it is told to."""

    is_shared = False
    most = MAX_BATCH
    first_number = 0

    def __init__(
        self, on_entry: OnEntry, retention: Retention, state: LogState | None = None
    ) -> None:
        self.inner = MemoryLog(on_entry, retention, state)
        self._waiting: deque[Batch] = deque()
        self.available = True

    def append(self, batch: Batch) -> None:
        self._waiting.append(batch)

    def answer(self, count: int = 1) -> None:
        """Hand back so many batches, as far as there are."""
        for _ in range(min(count, len(self._waiting))):
            self.inner.append(self._waiting.popleft())

    @property
    def epoch(self) -> str:
        return self.inner.epoch

    @property
    def head(self) -> int:
        return self.inner.head

    @property
    def trimmed(self) -> int:
        return self.inner.trimmed

    @property
    def is_empty(self) -> bool:
        return self.inner.is_empty

    def read(self, after: int) -> tuple[Entry, ...]:
        return tuple(self.inner.read(after))

    def snapshot(self) -> LogState:
        return self.inner.snapshot()

    def expire(self) -> None:
        self.inner.expire()

    def close(self) -> None:
        self.inner.close()


def make_shared(loop: Loop) -> Shared:
    return Shared("relay", loop.call_soon, clock=lambda: loop.now)


def make_room(
    loop: Loop,
    *,
    size: int = 1_000_000,
    age: float = 120,
    log: Callable[[OnEntry, Retention, LogState | None], Log] = MemoryLog,
    shared: Shared | None = None,
) -> Room:
    retention = Retention(size, age, Budget(10_000_000), lambda: loop.now)
    return Room(
        RoomName("lobby"),
        lambda name, room, state: log(room.on_entry, retention, state),
        shared or make_shared(loop),
    )


def piece(person: Person, *words: bytes) -> Piece:
    """Return binary messages that a person publishes together."""
    data = b"".join(encode(BINARY, word) for word in words)
    first = person.said + 1
    person.said += len(words)
    return Piece(person.author, first, data, len(words))


def say(room: Room, person: Person, *words: bytes) -> None:
    """Publish binary messages together."""
    published = piece(person, *words)
    person.uncredited += len(published.data)
    room.publish(published, person)


def make_batch(account: Account, *pieces: Piece) -> Batch:
    return join(list(pieces), "relay", 1, account)


def words_of(entries: Sequence[Entry], skip: int = 0) -> list[bytes]:
    """Return the messages that entries hold, without the first `skip`."""
    found = []
    for entry in entries:
        start = 0
        for end in ends(entry.batch.data):
            found.append(payload(entry.batch.data[start:end]))
            start = end
    return found[skip:]
