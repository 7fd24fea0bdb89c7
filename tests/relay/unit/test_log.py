"""The memory log: in order, at once, and bounded three times."""

from hypothesis import given
from hypothesis import strategies as st

from relay.room.batch import Batch, Run
from relay.room.memory_log import Budget, MemoryLog
from relay.wire.frames import BINARY, encode
from tests.relay.unit.people import Person


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _batch(*words: bytes) -> Batch:
    return Batch([Run(Person("alice"), encode(BINARY, word), 1) for word in words])


def _log(
    size: int = 10_000, age: float = 60, budget: Budget | None = None
) -> tuple[MemoryLog, list[int], Clock]:
    clock, offsets = Clock(), list[int]()
    log = MemoryLog(
        lambda offset, batch: offsets.append(offset), size, age, budget or Budget(10**9), clock
    )
    return log, offsets, clock


def test_batches_come_back_at_once_with_rising_offsets() -> None:
    """The contract of a log."""
    log, offsets, _ = _log()
    for word in (b"a", b"b", b"c"):
        log.append(_batch(word))
    assert offsets == [1, 2, 3]


@given(
    st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=4), max_size=9),
    st.integers(0, 40),
)
def test_last_returns_exactly_so_many_messages(script: list[list[bytes]], count: int) -> None:
    """Across batches and inside of them, oldest first."""
    log, _, _ = _log()
    for words in script:
        log.append(_batch(*words))
    messages = [encode(BINARY, word) for words in script for word in words]
    expected = messages[len(messages) - count :] if count < len(messages) else messages
    assert b"".join(log.last(count)) == b"".join(expected)


def test_size_is_bounded() -> None:
    """The oldest batch goes first; one that is larger than the log is not kept."""
    log, _, _ = _log(size=1000)
    for number in range(100):
        log.append(_batch(b"%02d" % number + bytes(100)))
    kept = log.last(100)
    assert 1 <= len(kept) <= 5
    assert kept[-1][2:4] == b"99"
    log.append(_batch(bytes(5000)))
    assert log.is_empty


def test_age_is_bounded() -> None:
    """What is too old is not shown, and gone at the next look."""
    log, _, clock = _log(age=10)
    log.append(_batch(b"old"))
    clock.now = 6
    log.append(_batch(b"new"))
    clock.now = 11
    assert log.last(9) == [encode(BINARY, b"new")]
    clock.now = 17
    log.expire()
    assert log.is_empty


def test_zero_size_or_age_keeps_nothing() -> None:
    """And delivers all the same."""
    for size, age in ((0, 60), (1000, 0)):
        log, offsets, _ = _log(size, age)
        log.append(_batch(b"x"))
        assert offsets == [1]
        assert log.is_empty


def test_all_logs_together_are_bounded() -> None:
    """The room that has been quiet for longest pays."""
    budget = Budget(8000)
    quiet, _, _ = _log(budget=budget)
    busy, _, _ = _log(budget=budget)
    for number in range(5):
        quiet.append(_batch(bytes(100)))
        assert not quiet.is_empty, number
    for _ in range(30):
        busy.append(_batch(bytes(100)))
        assert budget.used <= 8000
    assert quiet.is_empty
    assert not busy.is_empty
    while not busy.is_empty:
        busy.evict()
    assert budget.used == 0
