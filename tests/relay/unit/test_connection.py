"""What a connection does at its edges, over a transport that takes what it is told to."""

import logging
from collections.abc import Callable

import pytest

from relay.room.log import LogState, OnEntry
from relay.room.tail import Retention
from relay.settings import Settings
from relay.wire.closing import Reason
from tests.raw import encode
from tests.relay.unit.moving import Wire
from tests.relay.unit.people import LateLog
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport


async def test_defect_of_the_relay_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    """The client is told, the log has the traceback, and others go on."""

    class Defect(Exception):
        pass

    is_broken = False

    def schedule(callback: object) -> None:
        if is_broken:
            raise Defect

    transport = Transport(10**6)
    connection = connect(make_runtime(schedule), "alice", transport)
    connection.session.room.flush()
    is_broken = True
    with caplog.at_level(logging.ERROR):
        receive(connection, encode(1, b"hello"))
    assert transport.taken == b"\x88\x10\x03\xf3internal error"
    assert "a defect of the relay" in caplog.text


async def test_state_of_a_client_that_is_gone_costs_nothing() -> None:
    """Neither what it had sent nor what waited for it is counted any longer."""
    runtime = make_runtime()
    transport = Transport(0)
    alice, bob = connect(runtime, "alice", transport), connect(runtime, "bob", Transport(10**6))
    receive(alice, encode(2, bytes(1000))[:500])
    receive(bob, encode(2, b"to alice"))
    assert runtime.terms.account.unfinished == 500
    alice.connection_lost(None)
    assert runtime.terms.account.unfinished == 0
    assert list(runtime.roster.clients) == [bob]
    assert runtime.roster.left == {"lost": 1}


async def test_clients_own_close_code_comes_back_to_it() -> None:
    """With ours where it gave none (RFC 6455 §5.5.1)."""
    for sent, answered in ((b"\x0f\xa1gone home", 4001), (b"", Reason.LEFT.code)):
        transport = Transport(10**6)
        connection = connect(make_runtime(), "alice", transport)
        receive(connection, encode(8, sent))
        assert int.from_bytes(transport.taken[2:4], "big") == answered


async def test_what_a_waiting_room_had_accepted_is_not_left_out_at_a_close() -> None:
    """However much it is: whoever leaves in an orderly way gets all of it, then the close frame."""
    due: list[Callable[[], None]] = []
    runtime = make_runtime(due.append, Settings(write_buffer_size=3000, read_buffer_size=10**6))
    wire = Transport(0)
    alice, bob = connect(runtime, "alice", Transport(10**6)), connect(runtime, "bob", wire)
    frame = encode(2, bytes(1000))
    for _ in range(20):
        receive(alice, frame)
        while due:
            due.pop(0)()
    assert alice.session.room.is_waiting
    bob.session.close(Reason.RESTARTING.close())
    wire.give(10**6)
    size = 20 * (len(frame) - 4)
    assert wire.taken[:size].count(bytes(1000)) == 20
    assert wire.taken[size : size + 1] == b"\x88"


async def test_client_that_answers_early_still_gets_what_is_on_its_way() -> None:
    """The log is late: the client's own close frame comes before the relay's."""
    logs: list[LateLog] = []

    def new_log(on_entry: OnEntry, retention: Retention, state: LogState | None) -> LateLog:
        logs.append(LateLog(on_entry, retention, state))
        return logs[-1]

    runtime, wire = make_runtime(log=new_log), Wire()
    wire.room = 10**6
    alice, bob = connect(runtime, "alice", Transport(10**6)), connect(runtime, "bob", wire)
    receive(alice, encode(2, b"on its way"))
    alice.session.room.flush()
    bob.session.close(Reason.RESTARTING.close())
    receive(bob, encode(8, b""))
    assert not wire.has_ended
    for _ in range(4):
        logs[0].answer()
        alice.session.room.flush()
    assert wire.taken.startswith(b"\x82\x0aon its way\x88")
    assert wire.has_ended
