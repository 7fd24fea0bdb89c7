"""An outbox hands its stream one chunk at a time, in order, and knows how far it is behind."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.account import Account
from relay.member.outbox import CONTROL, Outbox
from relay.member.sending import CHUNK, COPY
from relay.room.batch import Author, Batch, SessionId, Span
from relay.room.log import Entry
from relay.room.member import Delivered
from relay.wire.frames import BINARY, encode
from tests.relay.unit.transport import Transport

ACCOUNT = Account()
OWN = SessionId("own")
OTHER = SessionId("other")


def entry(data: bytes, *, own: bytes = b"", messages: int = 1) -> Entry:
    """Return an entry of somebody else's `data`, behind `own` of this member's."""
    spans = []
    if own:
        spans.append(Span(Author(None, OWN), 1, 0, len(own), 1))
    if data or not own:
        size = len(own) + len(data)
        spans.append(Span(Author(None, OTHER), 1, len(own), size, messages))
    return Entry(1, 0, Batch(own + data, tuple(spans), "relay", 1, ACCOUNT))


def make(
    room: int, limit: int = 1000, *, skips: bool = False, account: Account = ACCOUNT
) -> tuple[Outbox, Transport]:
    transport = Transport(room)
    outbox = Outbox(transport, OWN, limit, account, skips=skips)
    transport.writer = outbox
    return outbox, transport


def test_without_backlog_an_entry_goes_straight_to_the_stream() -> None:
    """One write, nothing queued."""
    outbox, transport = make(100)
    assert outbox.deliver(entry(b"x" * 40)) is Delivered.TAKEN
    assert outbox.deliver(entry(b"y" * 40)) is Delivered.TAKEN
    assert transport.taken == b"x" * 40 + b"y" * 40
    assert outbox.lag == 0
    assert outbox.is_empty


def test_lag_is_what_waits_behind_the_entry_being_sent() -> None:
    """The one being sent does not count, however large."""
    outbox, transport = make(10, limit=100)
    assert outbox.deliver(entry(b"a" * 5000)) is Delivered.TAKEN
    assert outbox.lag == 0
    assert outbox.deliver(entry(b"b" * 50)) is Delivered.QUEUED
    assert outbox.lag == 50
    assert not outbox.is_behind
    assert outbox.deliver(entry(b"c" * 60)) is Delivered.QUEUED
    assert outbox.is_behind
    assert outbox.deliver(entry(b"d" * 10)) is Delivered.OVERRAN
    assert outbox.deliver(entry(b"e" * 10)) is Delivered.GONE
    transport.give(10_000)
    assert transport.taken == b"a" * 5000 + b"b" * 50 + b"c" * 60
    assert outbox.lag == 0
    assert not outbox.is_behind


def test_own_messages_are_left_out() -> None:
    """When written at once, and when they have waited; they are no lag."""
    outbox, transport = make(5)
    assert outbox.deliver(entry(b"", own=b"mine")) is Delivered.REST
    outbox.deliver(entry(b"a" * 10, own=b"mine"))
    outbox.deliver(entry(b"b" * 10, own=b"mine"))
    assert outbox.deliver(entry(b"", own=b"mine")) is Delivered.REST
    assert outbox.lag == 10
    transport.give(100)
    assert transport.taken == b"a" * 10 + b"b" * 10


@pytest.mark.parametrize("drop", [False, True])
def test_last_frame_comes_behind_the_backlog_or_instead_of_it(drop: bool) -> None:
    """Never in the middle of an entry that has begun."""
    outbox, transport = make(10)
    outbox.deliver(entry(b"a" * 50))
    outbox.deliver(entry(b"b" * 50))
    outbox.finish(b"bye", drop=drop)
    assert outbox.deliver(entry(b"c" * 50)) is Delivered.GONE
    outbox.control([b"pong"])
    assert not outbox.is_empty
    transport.give(1000)
    assert transport.taken == b"a" * 50 + (b"" if drop else b"b" * 50) + b"bye"
    assert outbox.is_empty


def test_large_message_is_sent_in_chunks() -> None:
    """The transport would copy what it cannot send."""
    outbox, transport = make(10)
    message = bytes(range(256)) * 4096
    outbox.deliver(entry(message))
    while transport.taken != message:
        assert len(transport.held) <= CHUNK
        transport.give(CHUNK)
    assert outbox.is_empty


def test_large_message_to_a_fast_reader_leaves_the_way_free() -> None:
    """The next entry goes straight to the stream."""
    outbox, transport = make(10**9)
    outbox.deliver(entry(bytes(CHUNK * 3)))
    assert outbox.deliver(entry(b"next")) is Delivered.TAKEN
    assert transport.taken == bytes(CHUNK * 3) + b"next"


def test_what_is_put_together_for_one_client_is_not_kept() -> None:
    """A thousand slow members that publish would each hold a batch of their own."""
    account = Account(copies=16 * 1024**2)  # that others hold
    outbox, transport = make(0, account=account)
    others = bytes(range(250)) * 800
    published = entry(others, own=b"mine")
    tracemalloc.start()
    outbox.deliver(published)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(transport.held) == COPY
    assert held < COPY + 10_000
    assert account.copies == 16 * 1024**2 + COPY
    while not outbox.is_empty:
        assert len(transport.held) <= COPY
        transport.give(10_007)
    assert transport.taken == others
    assert account.copies == 16 * 1024**2


def test_copy_for_one_client_is_sent_at_once_where_few_are_held() -> None:
    """It counts until it is taken, or the client is gone."""
    for is_taken in (True, False):
        account = Account()
        outbox, transport = make(10, account=account)
        outbox.deliver(entry(bytes(200_000), own=b"mine"))
        assert len(transport.held) == 199_990
        assert account.copies == 200_000
        if is_taken:
            transport.give(10**6)
        else:
            outbox.abandon()
        assert account.copies == 0


def test_history_comes_before_what_is_live_and_does_not_count() -> None:
    """Only what is live can make a client too slow."""
    outbox, transport = make(0, limit=100)
    frames = [encode(BINARY, letter * 5000) for letter in (b"h", b"i")]
    outbox.replay([entry(b"".join(frames), messages=2), entry(frames[0])], 1)
    outbox.deliver(entry(b"live"))
    assert outbox.lag == 4
    assert outbox.waiting() > 10_000
    transport.give(100_000)
    assert transport.taken == frames[1] + frames[0] + b"live"
    assert outbox.is_empty


def test_client_with_lag_skip_misses_whole_entries() -> None:
    """From half of the limit, here; the rest arrives."""
    outbox, transport = make(0, limit=100, skips=True)
    outcomes = [outbox.deliver(entry(letter * 30)) for letter in (b"a", b"b", b"c", b"d")]
    assert outcomes[-1] is Delivered.SKIPPED
    transport.give(1000)
    outbox.deliver(entry(b"e"))
    assert transport.taken == b"a" * 30 + b"b" * 30 + b"c" * 30 + b"e"


def test_every_ping_is_answered_while_few_wait() -> None:
    """At the next border between entries; beyond a limit only the latest."""
    outbox, transport = make(5)
    outbox.deliver(entry(b"a" * 10))
    outbox.deliver(entry(b"b" * 10))
    for pong in (b"1", b"2", b"3"):
        outbox.control([pong])
    transport.give(100)
    assert transport.taken == b"a" * 10 + b"123" + b"b" * 10
    outbox, transport = make(0)
    outbox.deliver(entry(b"a"))
    for number in range(CONTROL):
        outbox.control([b"%05d" % number])
    transport.give(10**6)
    assert len(transport.taken) <= 1 + CONTROL
    assert transport.taken.endswith(b"%05d" % (CONTROL - 1))


@given(
    st.lists(
        st.one_of(
            st.integers(1, 400_000).map(lambda size: ("deliver", size)),
            st.integers(1, 300_000).map(lambda size: ("give", size)),
            st.integers(1, 100).map(lambda size: ("control", size)),
            st.just(("own", 7)),
            st.just(("move", 0)),
        ),
        max_size=40,
    )
)
def test_everything_arrives_once_and_in_order(script: list[tuple[str, int]]) -> None:
    """Whatever the stream takes, and however often the outbox is built anew from its values."""
    outbox, transport = make(0, limit=10**9)
    history = entry(encode(BINARY, b"not this") + encode(BINARY, b"but this"), messages=2)
    outbox.replay([history], 1)
    expected = encode(BINARY, b"but this")
    controls = b""
    for number, (what, size) in enumerate(script):
        if what == "give":
            transport.give(size)
        elif what == "control":
            controls += b"\xff" * size
            outbox.control([b"\xff" * size])
        elif what == "move":
            state = outbox.snapshot()
            moved = Transport(0)
            moved.taken = transport.taken
            outbox = Outbox(moved, OWN, 10**9, ACCOUNT, skips=False, state=state)
            moved.writer, transport = outbox, moved
            assert outbox.snapshot() == state
            outbox.start()
        else:
            data = bytes([number]) * size
            own = data if what == "own" else b""
            expected += data if what == "deliver" else b""
            outbox.deliver(entry(b"" if own else data, own=own))
        assert outbox.taken == len(transport.taken)
    transport.give(10**9)
    assert transport.taken.replace(b"\xff", b"") == expected
    assert transport.taken.count(b"\xff") == len(controls)
    assert outbox.lag == 0
    assert outbox.is_empty


def test_large_message_is_moved_in_its_second_chunk() -> None:
    """What is left of it is known for as long as anything is."""
    message = bytes(range(250)) * 2000
    outbox, transport = make(0)
    outbox.deliver(entry(message))
    transport.give(CHUNK + 1000)
    state = outbox.snapshot()
    assert state.unsent == len(message) - CHUNK - 1000
    moved = Transport(0)
    again = Outbox(moved, OWN, 1000, ACCOUNT, skips=False, state=state)
    moved.writer = again
    again.start()
    moved.give(10**6)
    assert transport.taken + moved.taken == message


@pytest.mark.parametrize("limit", [1, 1000])
def test_one_entry_is_never_too_big(limit: int) -> None:
    """For a client that is not behind yet."""
    outbox, transport = make(1, limit=limit)
    outbox.deliver(entry(b"a" * 10))
    assert outbox.deliver(entry(b"b" * 100_000)) is Delivered.QUEUED
    transport.give(10**6)
    assert transport.taken == b"a" * 10 + b"b" * 100_000


def test_what_is_sent_is_not_kept() -> None:
    """An idle member would otherwise keep the last entry alive."""
    outbox, transport = make(2)
    before = ACCOUNT.batches
    outbox.deliver(entry(b"abc"))
    assert ACCOUNT.batches == before + 3
    transport.give(10)
    assert ACCOUNT.batches == before
