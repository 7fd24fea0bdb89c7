"""What annotated members are sent of an entry counts for as long as it is held, and once."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

import pytest

from relay.edge import load
from relay.edge.connection import Connection
from relay.edge.runtime import Runtime
from relay.member.options import Options
from relay.member.session_state import begin
from relay.names import RoomName, UserName
from relay.room.resume import Resume
from tests.raw import encode
from tests.relay.unit.moving import Wire, hand_over
from tests.relay.unit.people import Loop
from tests.relay.unit.runtime import connect, make_runtime, receive


def _in_loop(test: Callable[[Loop, Runtime], None]) -> None:
    async def run() -> None:
        loop = Loop()
        test(loop, make_runtime(loop.call_soon))

    asyncio.run(run())


class _Reader(NamedTuple):
    """An annotated member."""

    connection: Connection
    wire: Wire


def _reader(runtime: Runtime, name: str, room: str) -> _Reader:
    wire = Wire()
    wire.room = 10**9
    options = Options(UserName(name), resume=Resume(name))
    state = begin(options, runtime.loop.time())
    connection = Connection(wire, runtime.hub.room(RoomName(room)), state, runtime)
    connection.start(b"", b"")
    return _Reader(connection, wire)


def test_account_is_what_is_held_before_stuck_readers() -> None:
    """Each room has a batch, and what its annotated readers are sent of it; no more and no less."""

    def test(loop: Loop, runtime: Runtime) -> None:
        readers, speakers = [], []
        for number in range(20):
            room = f"room-{number}"
            readers += [_reader(runtime, f"reader-{index}", room) for index in range(5)]
            speakers.append(connect(runtime, "speaker", Wire(), room=room))
        loop.run()
        for reader in readers:
            reader.wire.room = 0
        message = encode(2, bytes(100_000))
        account, before = runtime.terms.account, runtime.terms.account.held
        gc.collect()
        tracemalloc.start()
        for speaker in speakers:
            receive(speaker, message)
            loop.run()
        gc.collect()
        traced, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert account.forms > 20 * 100_000
        assert account.held - before == pytest.approx(traced, rel=0.1)
        for reader in readers:
            reader.wire.give(10**9)
        assert account.forms == 0

    _in_loop(test)


def test_large_entry_of_a_backlog_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all who are sent it at the same time: else 60 slow readers made 600 MB of 10."""
    monkeypatch.setattr(load, "_COPIES", False)  # of asyncio's transport in Python 3.11

    def test(loop: Loop, runtime: Runtime) -> None:
        readers = [_reader(runtime, f"reader-{index}", "den") for index in range(30)]
        speaker = connect(runtime, "speaker", Wire(), room="den")
        loop.run()
        for reader in readers:
            reader.wire.room = 0
        for text in (b"small", bytes(900_000)):
            receive(speaker, encode(2, text))
            loop.run()
        account = runtime.terms.account
        for reader in readers:
            wire = reader.wire
            wire.give(len(wire.held) + 1000)  # all of the small one, a little of the large one
        assert 900_000 < account.forms < 910_000
        assert all(
            load.private(reader.connection.session) < load.AT_REST + 100 for reader in readers
        )
        for reader in readers[1:]:
            reader.wire.give(10**9)
        assert 900_000 < account.forms < 910_000
        readers[0].connection.connection_lost(None)
        assert account.forms == 0

    _in_loop(test)


def test_rest_of_what_is_being_sent_names_the_same_epoch_in_a_successor() -> None:
    """Every byte of it is what this relay would have sent: it is put together there again."""

    def test(loop: Loop, runtime: Runtime) -> None:
        reader = _reader(runtime, "reader", "den")
        speaker = connect(runtime, "speaker", Wire(), room="den")
        loop.run()
        wire = reader.wire
        wire.taken, wire.room = b"", 50
        receive(speaker, encode(2, bytes(1000)))
        loop.run()
        whole = wire.taken + wire.held
        assert runtime.hub.room(RoomName("den")).epoch.encode() in wire.held
        _, after = hand_over(runtime, make_runtime(loop.call_soon))[reader.connection]
        after.give(10**9)
        assert wire.taken + after.taken == whole

    _in_loop(test)
