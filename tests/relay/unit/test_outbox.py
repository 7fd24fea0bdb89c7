"""An outbox hands its transport one chunk at a time, in order, and knows how far it is behind."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.member.outbox import CHUNK, Outbox


class Transport(asyncio.Transport):
    """Takes `room` bytes, then blocks until it is given more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.taken = b""
        self.held = b""
        self.outbox: Outbox | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        assert data
        assert not self.held, "the transport must not hold the backlog"
        self.held = bytes(data)
        self._take()
        if self.held:
            assert self.outbox is not None
            self.outbox.block()

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def give(self, room: int) -> None:
        self.room += room
        blocked = bool(self.held)
        self._take()
        if blocked and not self.held:
            assert self.outbox is not None
            self.outbox.unblock()

    def _take(self) -> None:
        size = min(self.room, len(self.held))
        self.taken += self.held[:size]
        self.held = self.held[size:]
        self.room -= size


class Owner:
    def __init__(self) -> None:
        self.events: list[str] = []

    def fell_behind(self) -> None:
        self.events.append("fell behind")

    def caught_up(self) -> None:
        self.events.append("caught up")

    def overran(self, backlog: int) -> None:
        self.events.append(f"overran {backlog}")

    def skipped(self, count: int, size: int) -> None:
        self.events.append(f"skipped {count}")

    def emptied(self) -> None:
        self.events.append("emptied")


def make(room: int, limit: int = 1000, *, skips: bool = False) -> tuple[Outbox, Transport, Owner]:
    transport, owner = Transport(room), Owner()
    outbox = transport.outbox = Outbox(transport, owner, limit, skips=skips)
    return outbox, transport, owner


def test_without_backlog_a_batch_goes_straight_to_the_transport() -> None:
    """One write, nothing queued."""
    outbox, transport, owner = make(100)
    outbox.deliver(b"x" * 40, 1)
    outbox.deliver(b"y" * 40, 1)
    assert transport.taken == b"x" * 40 + b"y" * 40
    assert outbox.lag == 0
    assert owner.events == []


def test_lag_is_what_waits_behind_the_batch_being_sent() -> None:
    """The batch being sent does not count, however large."""
    outbox, transport, owner = make(10, limit=100)
    outbox.deliver(b"a" * 5000, 1)
    assert outbox.lag == 0
    outbox.deliver(b"b" * 50, 1)
    assert outbox.lag == 50
    assert owner.events == []
    outbox.deliver(b"c" * 60, 1)
    assert owner.events == ["fell behind"]
    outbox.deliver(b"d" * 10, 1)
    assert owner.events == ["fell behind", "overran 110"]
    outbox.deliver(b"e" * 10, 1)
    transport.give(10_000)
    assert transport.taken == b"a" * 5000 + b"b" * 50 + b"c" * 60
    assert outbox.lag == 0
    assert "caught up" in owner.events


def test_last_frame_comes_behind_the_backlog_or_instead_of_it() -> None:
    """Never in the middle of a batch that has begun."""
    for drop, expected in ((False, b"a" * 50 + b"b" * 50 + b"bye"), (True, b"a" * 50 + b"bye")):
        outbox, transport, owner = make(10)
        outbox.deliver(b"a" * 50, 1)
        outbox.deliver(b"b" * 50, 1)
        outbox.finish(b"bye", drop=drop)
        outbox.deliver(b"c" * 50, 1)
        outbox.pong(b"pong")
        transport.give(1000)
        assert transport.taken == expected
        assert owner.events[-1] == "emptied"


def test_large_message_is_sent_in_chunks() -> None:
    """The transport would copy what it cannot send."""
    outbox, transport, _ = make(10)
    message = bytes(range(256)) * 4096
    outbox.deliver(message, 1)
    while transport.taken != message:
        assert len(transport.held) <= CHUNK
        transport.give(CHUNK)


def test_history_comes_before_what_is_live_and_does_not_count() -> None:
    """Only what is live can make a client too slow."""
    outbox, transport, owner = make(0, limit=100)
    outbox.replay([b"h" * 5000, b"i" * 5000])
    outbox.deliver(b"live", 1)
    assert outbox.lag == 4
    transport.give(100_000)
    assert transport.taken == b"h" * 5000 + b"i" * 5000 + b"live"
    assert owner.events == ["emptied"]


def test_client_with_lag_skip_misses_whole_batches() -> None:
    """From half of the limit, here; the rest arrives."""
    outbox, transport, owner = make(0, limit=100, skips=True)
    for word in (b"a" * 10, b"b" * 30, b"c" * 30, b"d" * 30):
        outbox.deliver(word, 2)
    transport.give(1000)
    outbox.deliver(b"e", 1)
    assert transport.taken == b"a" * 10 + b"b" * 30 + b"c" * 30 + b"e"
    assert "skipped 2" in owner.events


def test_only_the_latest_ping_is_answered() -> None:
    """At the next border between batches."""
    outbox, transport, _ = make(5)
    outbox.deliver(b"a" * 10, 1)
    outbox.deliver(b"b" * 10, 1)
    for pong in (b"1", b"2", b"3"):
        outbox.pong(pong)
    transport.give(100)
    assert transport.taken == b"a" * 10 + b"3" + b"b" * 10


def test_ping_waits_for_the_next_border_too() -> None:
    """It is sent once, and before the answer to a ping of the client."""
    outbox, transport, _ = make(5)
    outbox.deliver(b"a" * 10, 1)
    outbox.ping(b"?")
    outbox.pong(b"!")
    outbox.deliver(b"b" * 10, 1)
    transport.give(100)
    outbox.ping(b"?")
    assert transport.taken == b"a" * 10 + b"?!" + b"b" * 10 + b"?"


@given(
    st.lists(
        st.one_of(
            st.integers(1, 400_000).map(lambda size: ("deliver", size)),
            st.integers(1, 300_000).map(lambda size: ("give", size)),
        ),
        max_size=40,
    )
)
def test_everything_arrives_once_and_in_order(script: list[tuple[str, int]]) -> None:
    """Whatever the transport takes, and when."""
    outbox, transport, owner = make(0, limit=10**9)
    expected = b""
    for number, (what, size) in enumerate(script):
        if what == "give":
            transport.give(size)
        else:
            data = bytes([number]) * size
            expected += data
            outbox.deliver(data, 1)
        assert outbox.sent() <= len(expected)
    transport.give(10**9)
    assert transport.taken == expected
    assert outbox.lag == 0
    assert not outbox.is_blocked
    assert "fell behind" not in owner.events


@pytest.mark.parametrize("limit", [1, 1000])
def test_one_batch_is_never_too_big(limit: int) -> None:
    """For a client that is not behind yet."""
    outbox, transport, owner = make(1, limit=limit)
    outbox.deliver(b"a" * 10, 1)
    outbox.deliver(b"b" * 100_000, 1)
    transport.give(10**6)
    assert transport.taken == b"a" * 10 + b"b" * 100_000
    assert not [event for event in owner.events if event.startswith("overran")]
