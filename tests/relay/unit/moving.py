"""A relay without sockets, whose state moves from one set of objects to another."""

from collections.abc import Mapping
from typing import Any

import orjson

from relay.edge.connection import Connection
from relay.edge.doors import Doors
from relay.edge.handover.format import FORMAT
from relay.edge.handover.inventory import Inventory
from relay.edge.handover.replica import Replica
from relay.edge.handover.service import Carried, Service
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

    def move(self) -> None:
        """Hand over to new objects, through the format."""
        self._moves += 1
        runtime = self._new_runtime()
        moved = hand_over(self.runtime, runtime)
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


def hand_over(old: Runtime, new: Runtime, number: int = FORMAT) -> dict[Connection, Moved]:
    """Hand everything over, in this format; return what has become of each connection."""
    inventory = Inventory(make_service(old, {"totals": old.hub.totals}, "old"))
    inventory.shares_network = True
    inventory.format = number
    if inventory.is_former:
        inventory.catch_up()
    replica = Replica(make_service(new, {"totals": new.hub.totals}, "new"))
    # Copied while it serves, and then again what is new: as the two sides do it.
    wires = _copy(inventory, replica)
    for room in tuple(old.hub.rooms.values()):
        room.flush()
    wires |= _copy(inventory, replica)
    head, data, moved = inventory.changes()
    head["started"] = 0.0
    replica.update(_as_sent(head), data)
    return {
        before: (after, wires[before])
        for before, after in zip(moved, replica.commit(), strict=True)
    }


def make_service(runtime: Runtime, carried: Mapping[str, Carried], release: str) -> Service:
    doors = Doors(100, 10**9, 0, lambda peer: True, lambda status, error: None)
    return Service(runtime, carried, release, doors)


def _copy(inventory: Inventory, replica: Replica) -> dict[Connection, Wire]:
    """Tell what is new; return the new wire of each connection."""
    group = inventory.new_connections()
    records, _, files = inventory.describe(group)
    wires = [_paused() for _ in files]
    replica.add_connections(_as_sent(records), wires)
    for entries, data in inventory.tell(inventory.new_entries()):
        replica.add_entries(_as_sent(entries), data)
    return dict(zip(group, wires, strict=True))


def _as_sent(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _paused() -> Wire:
    wire = Wire()
    wire.reads = False
    return wire
