"""What a relay that serves has to hand over, and what of it has been told already."""

import socket
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from relay.edge.connection import Connection
from relay.edge.gate import Gate
from relay.edge.handover import previous_format
from relay.edge.handover.format import (
    FORMAT,
    MESSAGE,
    BlobWriter,
    Numbers,
    pack_ending,
    pack_entry,
    pack_room,
    pack_session,
)
from relay.edge.handover.service import Service
from relay.edge.handover.told_messages import ToldMessages
from relay.edge.handover.told_rooms import ToldRooms
from relay.edge.kernel import open_socket
from relay.member.inbox_state import Hold
from relay.member.session import Session
from relay.room.log import Entry

_FEW: Final = 32  # new connections that need no further round
_QUIET: Final = 250  # rooms in which nothing is on its way, likewise
_SMALL: Final = 256 * 1024  # bytes of new entries, or of messages, that need no further round
# Connections without a whole head that move while nobody is served, and bytes of these heads.
_GATES: Final = 2000
_HEADS: Final = 4 * 1024**2
# What moves at most where it took too long: full records, and entries of a backlog in one.
_RECORDS: Final = 1000
_BACKLOG: Final = 250


@dataclass(frozen=True, slots=True)
class News:
    """What the successor has not been told.

    `rooms` is how many could be told ahead, `unfinished` the bytes of messages.
    """

    connections: Sequence[Connection]
    entries: Sequence[Entry]
    rooms: int
    unfinished: int

    @property
    def is_little(self) -> bool:
        """Whether it can be told while nobody is served."""
        size = sum(len(entry.batch.data) for entry in self.entries)
        is_short = len(self.connections) <= _FEW and self.rooms <= _QUIET
        return is_short and max(size, self.unfinished) <= _SMALL


class Inventory:
    """Connections and entries by the numbers under which the successor knows them."""

    def __init__(self, service: Service) -> None:
        self.format = FORMAT  # that the successor reads
        self.shares_network = False  # with the successor: then TCP moves, too
        self.left = 0  # connections that cannot move, when they were last counted
        self.is_hurried = False  # it took too long before: those who make it long do not move
        self._service = service
        self._clients = service.runtime.roster.clients
        self._rooms = service.runtime.hub.rooms
        self._connections: dict[Connection, int] = {}
        self._gone: set[Connection] = set()
        self._entries = Numbers()
        self._told_messages = ToldMessages()
        self._told_rooms = ToldRooms(self._rooms, self._entries)
        self._held: list[Connection] = []

    @property
    def reads_previous(self) -> bool:
        """Whether the successor reads the format before this one only."""
        return self.format < FORMAT

    def may_move(self, sock: socket.socket) -> bool:
        return sock.family == socket.AF_UNIX or self.shares_network

    def new_connections(self) -> list[Connection]:
        """Return those that have not been described."""
        found = []
        self.left = 0
        for client in self._clients:
            assert isinstance(client, Connection)
            sock = client.socket
            if sock is None:
                continue
            if not self.may_move(sock):
                self.left += 1
            elif client not in self._connections:
                found.append(client)
        return found

    def describe(self, group: Sequence[Connection]) -> tuple[Any, bytes, list[int]]:
        """Return what does not change of these connections, and their descriptors."""
        records, files = [], []
        for connection in group:
            sock = connection.socket
            if sock is not None:
                number = self._connections[connection] = len(self._connections)
                session = connection.session
                records.append((number, session.room.name, session.describe()))
                files.append(sock.fileno())
        return records, b"", files

    def gone(self) -> list[int]:
        """Return the numbers of those that have left since this was last asked.

        Their sockets stay open while the successor has them, and the clients wait for the end.
        """
        numbers = []
        for connection, number in self._connections.items():
            if connection.socket is None and connection not in self._gone:
                self._gone.add(connection)
                numbers.append(number)
        return numbers

    def new_entries(self) -> list[Entry]:
        """Return the entries that logs, backlogs and deliveries hold and nobody has told."""
        found: dict[int, Entry] = {}

        def add(entries: Sequence[Entry]) -> None:
            for entry in reversed(entries):  # when one has been told, so have those before it
                if entry in self._entries:
                    return
                found[id(entry.batch)] = entry

        for room in self._told_rooms.changed():
            add(room.entries())
        for client in self._clients:
            assert isinstance(client, Connection)
            if not client.session.outbox.is_empty:
                add(client.session.outbox.entries())
        return list(found.values())

    def news(self) -> News:
        """Return what is to be told in the next round."""
        connections, entries = self.new_connections(), self.new_entries()
        if self.reads_previous:
            return News(connections, entries, 0, 0)
        unfinished = sum(map(self._told_messages.left, (*self._connections, *connections)))
        return News(connections, entries, self._told_rooms.untold(), unfinished)

    def tell(self, entries: Sequence[Entry]) -> Iterable[tuple[Any, bytes]]:
        """Yield messages that hold these entries."""
        writer, records, size = BlobWriter(), [], 0
        for entry in entries:
            self._entries.add(entry)
            records.append(pack_entry(entry, writer))
            size += entry.batch.size
            if size >= MESSAGE:
                yield records, writer.data()
                writer, records, size = BlobWriter(), [], 0
        if records:
            yield records, writer.data()

    def tell_rooms(self) -> Iterable[list[Any]]:
        """Yield messages that hold rooms in which nothing is on its way."""
        return () if self.reads_previous else self._told_rooms.tell()

    def tell_unfinished(self) -> Iterable[tuple[Any, bytes]]:
        """Yield messages that hold what has come of messages that have not ended."""
        if self.reads_previous:
            return ()
        return self._told_messages.tell(tuple(self._connections.items()))

    def hold(self) -> None:
        """Read no more from those whose messages come on, until `release`."""
        for connection in self._connections:
            if self._told_messages.left(connection) and not connection.session.is_over:
                self._held.append(connection)
                connection.session.inbox.hold(Hold.HANDOVER)

    def release(self) -> None:
        """Nothing comes of it: read everybody."""
        for connection in self._held:
            if not connection.session.is_over:
                connection.session.release(Hold.HANDOVER)
        self._held.clear()

    def gates(self) -> list[tuple[int, bytes]]:
        """Return descriptor and bytes of each connection whose first request is not under way.

        There may be more than can move while nobody is served: then the newest move, and of these
        not the longest heads. A client that is slow or silent has to connect again.
        """
        movable = [(gate.received, gate) for gate in self._service.gates if self._may_move(gate)]
        found: list[tuple[int, bytes]] = []
        room = _HEADS
        for received, gate in sorted(movable[-_GATES:], key=lambda each: len(each[0])):
            room -= len(received)
            if room < 0:
                break
            assert gate.transport is not None
            found.append((gate.transport.get_extra_info("socket").fileno(), received))
        return found

    def changes(self) -> tuple[dict[str, Any], bytes, list[Connection]]:
        """Return what has changed since it was described, and the connections that move.

        A connection that is not in it has left.
        """
        writer = BlobWriter()
        numbers, heard = array("I"), array("d")
        published, taken = array("Q"), array("Q")
        records: list[Any] = []
        moved: list[Connection] = []
        unfinished: list[tuple[Connection, int]] = []
        for connection, number in self._connections.items():
            if connection.socket is None:
                continue
            session = connection.session
            is_whole = not (self.reads_previous and session.inbox.unfinished)
            if session.ending is None and session.is_plain and is_whole:
                moved.append(connection)
                numbers.append(number)
                heard.append(session.heard)
                published.append(session.inbox.published)
                taken.append(session.outbox.taken)
                if session.inbox.unfinished:
                    unfinished.append((connection, number))
            elif self.is_hurried and self._takes_long(session, len(records)):
                self.left += 1
            else:
                moved.append(connection)
                begun = 0 if self.reads_previous else self._told_messages.begun(connection)
                record = pack_session(session.snapshot(begun), writer, self._entries)
                if self.reads_previous:
                    record = previous_format.of_session(record)
                records.append((number, session.room.name, record, pack_ending(session.ending)))
        head = {
            "rooms": [
                pack_room(room.snapshot(), self._entries) for room in self._told_rooms.changed()
            ],
            "forgotten": self._told_rooms.forgotten(),
            "sessions": records,
            "plain": [
                writer.put(values.tobytes()) for values in (numbers, heard, published, taken)
            ],
            "halves": [self._told_messages.rest(*each, writer) for each in unfinished],
            "carried": {name: it.snapshot() for name, it in self._service.carried.items()},
        }
        return head, writer.data(), moved

    def _takes_long(self, session: Session, records: int) -> bool:
        return records >= _RECORDS or len(session.outbox.entries()) > _BACKLOG

    def _may_move(self, gate: Gate) -> bool:
        transport = gate.transport
        if transport is None or transport.is_closing():
            return False
        sock = open_socket(transport)
        return sock is not None and self.may_move(sock)
