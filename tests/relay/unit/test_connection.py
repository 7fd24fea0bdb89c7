"""What a connection does at its edges, over a transport that takes what it is told to."""

import asyncio
import logging

import pytest

from relay.edge.connection import Connection, Options
from relay.edge.roster import Roster
from relay.names import RoomName, UserName
from relay.room.hub import Hub
from relay.room.memory_log import Budget, MemoryLog
from relay.settings import Settings
from tests.raw import encode
from tests.relay.unit.test_outbox import Transport


class _Socketless(Transport):
    """A transport for a whole connection."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def resume_reading(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass


def _connect(hub: Hub, name: str, transport: _Socketless) -> Connection:
    connection = Connection(
        transport,
        hub.room(RoomName("lobby")),
        Options(UserName(name)),
        Settings.load(),
        hub,
        Roster(10**9),
        asyncio.get_running_loop(),
    )
    transport.outbox = connection._outbox
    return connection


def _hub() -> Hub:
    loop, budget = asyncio.get_running_loop(), Budget(10**9)
    return Hub(
        lambda name, deliver: MemoryLog(deliver, 1000, 60, budget, loop.time), lambda callback: None
    )


async def test_what_the_transport_holds_at_the_start_counts_as_blocked() -> None:
    """Answers to requests before the upgrade: nobody tells of them by `pause_writing`."""
    transport = _Socketless(0)
    transport.held = b"an answer that the client has not read"
    connection = _connect(_hub(), "alice", transport)
    connection.start(b"")
    connection.deliver(b"x" * 100, 1)
    assert connection.backlog == 100
    transport.give(10**6)
    assert transport.taken.endswith(b"read" + b"x" * 100)


async def test_defect_of_the_relay_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    """The client is told, the log has the traceback, and others go on."""

    class Defect(Exception):
        pass

    def schedule(callback: object) -> None:
        raise Defect

    hub = _hub()
    hub._schedule = schedule
    transport = _Socketless(10**6)
    connection = _connect(hub, "alice", transport)
    connection.start(b"")
    with caplog.at_level(logging.ERROR):
        connection.data_received(encode(1, b"hello"))
    assert transport.taken == b"\x88\x10\x03\xf3internal error"
    assert "a defect of the relay" in caplog.text
