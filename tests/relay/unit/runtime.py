"""What connections stand on, without a server."""

import asyncio
from collections.abc import Callable
from functools import partial

from relay.edge.connection import Connection
from relay.edge.roster import Roster
from relay.edge.runtime import Runtime
from relay.edge.turns import Turns
from relay.member.options import Options
from relay.member.session import Session
from relay.member.session_state import begin
from relay.member.terms import Terms
from relay.names import RoomName, UserName
from relay.room.hub import Hub
from relay.room.log import Log, LogState, OnEntry
from relay.room.memory_log import MemoryLog
from relay.room.shared import Shared
from relay.room.tail import Budget, Retention
from relay.settings import Settings
from relay.wire.parser import Parser
from tests.relay.unit.transport import Transport


def make_runtime(
    schedule: Callable[[Callable[[], None]], object] | None = None,
    settings: Settings | None = None,
    name: str = "relay",
    log: Callable[[OnEntry, Retention, LogState | None], Log] = MemoryLog,
    clock: Callable[[], float] | None = None,
    renew: Callable[[Session, str], None] | None = None,
) -> Runtime:
    """Return the runtime of a relay on the running event loop, with default settings if none."""
    loop = asyncio.get_running_loop()
    clock = clock or loop.time
    settings = settings or Settings.load()
    retention = Retention(settings.history_size, 60, Budget(10**9), clock)
    shared = Shared(name, schedule or loop.call_soon, clock=clock)
    hub = Hub(lambda name, room, state: log(room.on_entry, retention, state), shared)
    terms = Terms(
        message_size=settings.max_message_size,
        read_buffer_size=settings.read_buffer_size,
        write_buffer_size=settings.write_buffer_size,
        account=shared.account,
        hub=hub,
        clock=loop.time,
        new_parser=partial(Parser, loop=loop),
        message_rate=settings.message_rate,
        byte_rate=settings.byte_rate,
    )
    turns = Turns(schedule or loop.call_soon)
    roster = Roster(shared.account, 10**9)
    return Runtime(settings, hub, roster, terms, loop, 15.0, 0.5, turns, renew or _renew)


def _renew(session: Session, token: str) -> None:
    raise AssertionError("no token is asked for here")


def connect(
    runtime: Runtime, name: str, transport: Transport, *, room: str = "lobby", **options: int
) -> Connection:
    """Return a member of the room that has just been let in."""
    state = begin(Options(UserName(name), **options), runtime.loop.time())  # type: ignore[arg-type]
    connection = Connection(transport, runtime.hub.room(RoomName(room)), state, runtime)
    connection.start(b"", b"")
    return connection


def receive(connection: Connection, data: bytes) -> None:
    """Let the connection read these bytes, as its transport would."""
    while data:
        buffer = connection.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        connection.buffer_updated(size)
        data = data[size:]
