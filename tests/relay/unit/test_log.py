"""The memory log: in order, at once, and bounded three times."""

from hypothesis import given
from hypothesis import strategies as st

from relay.account import Account
from relay.room.log import Entry, LogState, last
from relay.room.memory_log import MemoryLog
from relay.room.tail import Budget, Retention
from tests.relay.unit.people import Person, make_batch, piece, words_of


class World:
    """A log, its clock, and what it has handed back."""

    def __init__(self, size: int = 10_000, age: float = 60, budget: Budget | None = None) -> None:
        self.now = 0.0
        self.account = Account()
        self.entries: list[Entry] = []
        self.retention = Retention(size, age, budget or Budget(10**9), lambda: self.now)
        self.log = MemoryLog(self.entries.append, self.retention)

    def append(self, *words: bytes) -> None:
        alice = Person("alice")
        self.log.append(make_batch(self.account, *(piece(alice, word) for word in words)))

    def kept(self) -> list[bytes]:
        return words_of(tuple(self.log.read(0)))


def test_batches_come_back_at_once_with_rising_offsets() -> None:
    """The contract of a log."""
    world = World()
    world.now = 1.5
    for word in (b"a", b"b", b"c"):
        world.append(word)
    assert [entry.offset for entry in world.entries] == [1, 2, 3]
    assert world.log.head == 3
    assert world.entries[0].at == 1500


@given(
    st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=4), max_size=9),
    st.integers(0, 40),
)
def test_last_is_exactly_so_many_messages(script: list[list[bytes]], count: int) -> None:
    """Across batches and inside of them, oldest first."""
    world = World()
    for words in script:
        world.append(*words)
    messages = [word for words in script for word in words]
    expected = messages[len(messages) - count :] if count < len(messages) else messages
    entries, skip = last(world.log.read(0), count)
    assert words_of(tuple(entries), skip) == expected


@given(st.integers(1, 20), st.integers(0, 25), st.integers(0, 20))
def test_read_begins_behind_an_offset(appended: int, after: int, evicted: int) -> None:
    """With what is still held of it."""
    world = World()
    for number in range(appended):
        world.append(b"%d" % number)
    for _ in range(min(evicted, appended)):
        world.log.evict()
    expected = range(max(after, min(evicted, appended)) + 1, appended + 1)
    assert [entry.offset for entry in world.log.read(after)] == list(expected)


def test_size_is_bounded() -> None:
    """The oldest batch goes first; one that is larger than the log is not kept."""
    world = World(size=1000)
    for number in range(100):
        world.append(b"%02d" % number + bytes(100))
    kept = world.kept()
    assert 1 <= len(kept) <= 5
    assert kept[-1][:2] == b"99"
    world.append(bytes(5000))
    assert world.log.is_empty


def test_age_is_bounded() -> None:
    """What is too old is not shown, and gone at the next look."""
    world = World(age=10)
    world.append(b"old")
    world.now = 6
    world.append(b"new")
    world.now = 11
    assert world.kept() == [b"new"]
    world.now = 17
    world.log.expire()
    assert world.log.is_empty


def test_zero_size_or_age_keeps_nothing() -> None:
    """And delivers all the same."""
    for size, age in ((0, 60), (1000, 0)):
        world = World(size, age)
        world.append(b"x")
        assert [entry.offset for entry in world.entries] == [1]
        assert world.log.is_empty


def test_all_logs_together_are_bounded() -> None:
    """The room that has been quiet for longest pays."""
    budget = Budget(8000)
    quiet, busy = World(budget=budget), World(budget=budget)
    for number in range(5):
        quiet.append(bytes(100))
        assert not quiet.log.is_empty, number
    for _ in range(30):
        busy.append(bytes(100))
        assert budget.used <= 8000
    assert quiet.log.is_empty
    assert not busy.log.is_empty
    busy.log.close()
    assert budget.used == 0


@given(st.lists(st.binary(max_size=50), max_size=30), st.integers(0, 2000))
def test_log_goes_on_from_its_state(words: list[bytes], size: int) -> None:
    """Built from the values of another, it is the same log: epoch, offsets, entries, age."""
    world = World(size=size)
    for word in words:
        world.append(word)
    state = world.log.snapshot()
    assert isinstance(state, LogState)
    again = World(size=size)
    log = MemoryLog(again.entries.append, again.retention, state)
    assert log.snapshot() == state
    assert (log.epoch, log.head) == (world.log.epoch, len(words))
    again.log = log
    again.append(b"next")
    assert again.entries[0].offset == len(words) + 1


def test_what_nobody_holds_is_no_longer_counted() -> None:
    """An entry counts once, for as long as a log or a backlog refers to it."""
    world = World(size=1000)
    world.append(bytes(700))
    assert world.account.batches == 704
    backlog = list(world.entries)
    world.log.close()
    world.entries.clear()
    assert world.account.batches == 704
    backlog.clear()
    assert world.account.batches == 0
