"""What every log promises its room, whatever it is made of."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from relay.account import Account
from relay.names import RoomName
from relay.room.batch import Batch, Change, Piece, SessionId, join
from relay.room.log import Entry, Log
from relay.room.memory_log import MemoryLog
from relay.room.presence import PresenceState
from relay.room.tail import Budget, Retention
from tests.nats.server import NatsServer
from tests.nats.site import Site, until
from tests.relay.late_relay import LateLog
from tests.relay.unit.people import Person, piece, words_of

ROOM = RoomName("a room/with ünusual.name *>")


class Reader:
    """A follower that notes what it is told."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refused: list[Batch] = []
        self.states: list[PresenceState] = []

    def on_entry(self, entry: Entry) -> None:
        self.entries.append(entry)

    def on_refusal(self, batch: Batch) -> None:
        self.refused.append(batch)

    def on_begin(self, entry: Entry) -> None:
        raise AssertionError("nobody else opens this room")

    def on_state(self, state: PresenceState) -> None:
        self.states.append(state)

    def who(self) -> PresenceState:
        return PresenceState()

    def on_away(self) -> None:
        raise AssertionError("nothing is away")

    def on_return(self) -> None:
        pass


class Bench:
    """One room's log, and what it needs."""

    def __init__(self, log: Log, reader: Reader, relay: str, account: Account) -> None:
        self.log = log
        self.reader = reader
        self.alice = Person("alice")
        self._relay = relay
        self._account = account
        self._number = log.first_number

    async def append(self, *words: bytes) -> Entry:
        """Append messages, and wait until they have their place."""
        return await self.append_batch(join(self.pieces(*words), self._relay, 0, self._account))

    async def change(self, *changes: Change) -> Entry:
        return await self.append_batch(Batch(b"", (), self._relay, 0, self._account, changes))

    def pieces(self, *words: bytes) -> list[Piece]:
        return [piece(self.alice, word) for word in words]

    async def append_batch(self, batch: Batch) -> Entry:
        self._number += 1
        batch.number = self._number
        count = len(self.reader.entries)
        self.log.append(batch)
        await until(lambda: len(self.reader.entries) > count)
        assert self.reader.entries[-1].batch == batch
        return self.reader.entries[-1]


@pytest_asyncio.fixture(params=["memory", "late", "nats"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A log of each kind, with `HISTORY_SIZE` of 10 KB."""
    reader = Reader()
    async with AsyncExitStack() as stack:
        if request.param == "nats":
            server = await stack.enter_async_context(NatsServer(tmp_path / "store"))
            site = Site("relay", nats_url=server.url, history_size="10KB")
            await stack.enter_async_context(site)
            log = site.rooms.open_log(ROOM, reader, None)
            yield Bench(log, reader, "relay", site.shared.account)
            return
        retention = Retention(10_000, 60.0, Budget(10**9), time.time)
        make = MemoryLog if request.param == "memory" else LateLog
        yield Bench(make(reader.on_entry, retention), reader, "relay", Account())


async def test_each_batch_comes_back_once_in_order(bench: Bench) -> None:
    """With rising offsets, and what it held."""
    for word in (b"a", b"b", b"c"):
        await bench.append(word)
    entries = bench.reader.entries
    assert [words_of((entry,)) for entry in entries] == [[b"a"], [b"b"], [b"c"]]
    assert [entry.offset for entry in entries] == sorted({entry.offset for entry in entries})
    assert bench.log.head == entries[-1].offset
    assert abs(entries[-1].at - time.time() * 1000) < 60_000
    assert not bench.reader.refused


async def test_what_is_behind_an_offset_is_read(bench: Bench) -> None:
    """Oldest first; nothing behind the head."""
    entries = [await bench.append(b"%d" % number) for number in range(5)]
    assert words_of(tuple(bench.log.read(0))) == [b"0", b"1", b"2", b"3", b"4"]
    assert words_of(tuple(bench.log.read(entries[2].offset))) == [b"3", b"4"]
    assert list(bench.log.read(bench.log.head)) == []
    assert bench.log.trimmed < entries[0].offset


async def test_changes_take_a_place_and_are_not_kept(bench: Bench) -> None:
    """Who has come and gone is asked of the room."""
    change = Change(bench.alice.user, SessionId("alice/ID"), 1, is_join=True)
    before = await bench.append(b"before")
    entry = await bench.change(change)
    assert entry.offset > before.offset
    assert entry.batch.changes == (change,)
    assert bench.log.head == entry.offset
    assert words_of(tuple(bench.log.read(0))) == [b"before"]


async def test_history_is_bounded_by_size(bench: Bench) -> None:
    """The oldest go, and it is known how far."""
    entries = [await bench.append(bytes(1000)) for _ in range(20)]
    held = bench.log.read(0)
    assert 5 <= len(held) < 10
    assert held[-1].offset == entries[-1].offset
    assert bench.log.trimmed == entries[-len(held) - 1].offset


async def test_authors_come_back_with_their_numbers(bench: Bench) -> None:
    """Of a batch that several have published to, with names of any script."""
    zoe = Person('zoë "Z" 👩‍🔬')
    data = join([*bench.pieces(b"a"), piece(zoe, b"b", b"c")], "relay", 0, Account())
    entry = await bench.append_batch(data)
    assert [span.author.user for span in entry.batch.spans] == ["alice", zoe.user]
    assert [(span.first, span.messages) for span in entry.batch.spans] == [(1, 1), (1, 2)]
    assert entry.batch.own[zoe.id].last == 2


async def test_a_closed_log_hands_nothing_back(bench: Bench) -> None:
    """And holds nothing."""
    await bench.append(b"x")
    bench.log.close()
    assert list(bench.log.read(0)) == []


async def test_a_state_says_all_that_there_is_to_know(bench: Bench) -> None:
    """Epoch, head, entries."""
    for number in range(3):
        await bench.append(b"%d" % number)
    state = bench.log.snapshot()
    assert (state.epoch, state.head) == (bench.log.epoch, bench.log.head)
    assert words_of(state.entries) == [b"0", b"1", b"2"]
    await asyncio.sleep(0)
