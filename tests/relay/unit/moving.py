"""A relay without sockets, whose state moves from one set of objects to another."""

from collections.abc import Mapping
from typing import Any

import orjson

from relay.edge.connection import Connection
from relay.edge.handover.format import FORMAT
from relay.edge.handover.inventory import Inventory
from relay.edge.handover.replica import Replica
from relay.edge.handover.service import Carried, Service
from relay.edge.non_members import NonMembers
from relay.edge.runtime import Runtime
from relay.names import RoomName, UserName
from relay.settings import Settings
from tests.raw import encode
from tests.relay.unit.people import Loop
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport


class _Socket:
    """What is handed over, as far as it is asked."""

    family = 0

    def fileno(self) -> int:
        return 10**6  # no open file: the kernel tells nothing of it


class Wire(Transport):
    """A transport that can end, and has a socket until then."""

    def __init__(self) -> None:
        super().__init__(0)
        self.has_ended = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _Socket() if name == "socket" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.has_ended:
            super().write(data)

    def is_closing(self) -> bool:
        return self.has_ended

    def close(self) -> None:
        self.has_ended = True

    def abort(self) -> None:
        self.held = b""
        self.has_ended = True


Moved = tuple[Connection, Wire]
"""A connection that has been handed over, and its new wire."""


class Client:
    """One end of a wire: what it sends is read by the relay in pieces."""

    def __init__(self, connection: Connection, wire: Wire) -> None:
        self.connection = connection
        self.wire = wire
        self.received = b""  # by way of relays that have handed over
        self.outgoing = b""
        self.is_here = True

    def send(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        self.outgoing += encode(opcode, payload, fin=fin)

    def read(self, size: int) -> None:
        """Have the relay read so many bytes, if it reads."""
        if self.is_here and self.wire.reads and not self.wire.has_ended:
            data, self.outgoing = self.outgoing[:size], self.outgoing[size:]
            receive(self.connection, data)

    def take(self, size: int) -> None:
        if self.is_here:
            self.wire.give(size)

    def look(self) -> None:
        """Tell the connection if its wire has ended, as the event loop would."""
        if self.is_here and self.wire.has_ended:
            self.is_here = False
            self.connection.connection_lost(None)

    @property
    def seen(self) -> bytes:
        """All that it has received."""
        return self.received + self.wire.taken


class Relay:
    """Rooms and clients; `move` has no effect that any client could see."""

    def __init__(self, settings: Settings) -> None:
        self.loop = Loop()
        self.now = 0.0
        self.clients: list[Client] = []
        self._settings = settings
        self._moves = 0
        self._handover: Handover | None = None
        self.runtime = self._new_runtime()

    def join(self, name: str, room: str, **options: int) -> None:
        if self.runtime.hub.holder(RoomName(room), UserName(name)) is None:
            wire = Wire()
            connection = connect(self.runtime, name, wire, room=room, **options)
            self.clients.append(Client(connection, wire))

    def flush(self) -> None:
        for room in tuple(self.runtime.hub.rooms.values()):
            room.flush()

    def tick(self) -> None:
        self.loop.run_once()
        for client in self.clients:
            client.look()

    def settle(self) -> None:
        """Have everybody read and take everything, for longer than any room waits."""
        quiet = 0
        while quiet < 8:
            before = [(client.seen, client.outgoing, client.is_here) for client in self.clients]
            for client in self.clients:
                client.read(10**6)
                client.take(10**9)
            self.tick()
            self.now += 1
            self.runtime.hub.check_patience(self.now)
            after = [(client.seen, client.outgoing, client.is_here) for client in self.clients]
            quiet = quiet + 1 if before == after else 0

    def copy(self) -> None:
        """Begin to hand over, or tell what is new since then; this one goes on serving."""
        if self._handover is None:
            self._moves += 1
            self._handover = Handover(self.runtime, self._new_runtime())
        self._handover.copy()

    def move(self) -> None:
        """Hand over to new objects, through the format."""
        self.copy()
        assert self._handover is not None
        runtime, moved = self._handover.new, self._handover.finish()
        self._handover = None
        for client in self.clients:
            if client.connection in moved:
                client.connection.detach()
                client.received += client.wire.taken
                client.connection, wire = moved[client.connection]
                wire.room = client.wire.room
                client.wire = wire
                wire.give(0)
        self.runtime = runtime

    def _new_runtime(self) -> Runtime:
        return make_runtime(self.loop.call_soon, self._settings, f"relay {self._moves}")


class Handover:
    """One that is under way, as the two sides do it: copied in rounds, and then decided."""

    def __init__(self, old: Runtime, new: Runtime, number: int = FORMAT) -> None:
        self.old = old
        self.new = new
        self.inventory = Inventory(make_service(old, {"totals": old.hub.totals}, "old"))
        self.inventory.shares_network = True
        self.inventory.format = number
        self.replica = Replica(make_service(new, {"totals": new.hub.totals}, "new"))
        self.size = 0  # bytes that were told when nobody was served
        self._wires: dict[Connection, Wire] = {}

    def copy(self) -> None:
        """Tell what is new, while the old one serves."""
        self._copy()
        for rooms in self.inventory.tell_rooms():
            self.replica.add_rooms(_as_sent(rooms))
        for records, data in self.inventory.tell_unfinished():
            self.replica.add_unfinished(_as_sent(records), data)
        self.replica.remove(self.inventory.gone())

    def finish(self) -> dict[Connection, Moved]:
        """Return what has become of each connection."""
        for room in tuple(self.old.hub.rooms.values()):
            room.flush()
        self._copy()
        head, data, moved = self.inventory.changes()
        head["started"] = 0.0
        self.size = len(data)
        self.replica.update(_as_sent(head), data)
        return {
            before: (after, self._wires[before])
            for before, after in zip(moved, self.replica.commit(), strict=True)
        }

    def _copy(self) -> None:
        group = self.inventory.new_connections()
        records, _, files = self.inventory.describe(group)
        wires = [_paused() for _ in files]
        self.replica.add_connections(_as_sent(records), wires)
        for entries, data in self.inventory.tell(self.inventory.new_entries()):
            self.replica.add_entries(_as_sent(entries), data)
        self._wires |= dict(zip(group, wires, strict=True))


def hand_over(old: Runtime, new: Runtime, number: int = FORMAT) -> dict[Connection, Moved]:
    """Hand everything over, in this format; return what has become of each connection."""
    handover = Handover(old, new, number)
    handover.copy()
    return handover.finish()


def make_service(runtime: Runtime, carried: Mapping[str, Carried], release: str) -> Service:
    non_members = NonMembers(100, 10**9, 0, lambda peer: True, lambda status, error: None)
    return Service(runtime, carried, release, non_members)


def _as_sent(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _paused() -> Wire:
    wire = Wire()
    wire.reads = False
    return wire
