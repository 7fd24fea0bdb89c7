"""What a relay that serves has to hand over, and what of it has been told already."""

import socket
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

from relay.edge.connection import Connection
from relay.edge.handover.format import (
    FORMAT,
    Numbers,
    Writer,
    pack_ending,
    pack_entry,
    pack_room,
    pack_session,
)
from relay.edge.handover.service import Service
from relay.room.log import Entry

_MESSAGE: Final = 4 * 1024**2  # bytes of entries in one message


class Inventory:
    """Connections and entries by the numbers under which the successor knows them."""

    def __init__(self, service: Service) -> None:
        self.shares_network = False  # with the successor: then TCP moves, too
        self.format = FORMAT
        self.left = 0  # connections that cannot move, when they were last counted
        self._service = service
        self._clients = service.floor.roster.clients
        self._rooms = service.floor.hub.rooms
        self._connections: dict[Connection, int] = {}
        self._gone: set[Connection] = set()
        self._entries = Numbers()

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

    def catch_up(self) -> None:
        """Have everything parsed that has come."""
        for client in tuple(self._clients):
            assert isinstance(client, Connection)
            client.catch_up()

    def new_entries(self) -> list[Entry]:
        """Return the entries that logs, backlogs and deliveries hold and nobody has told."""
        found: dict[int, Entry] = {}
        for room in self._rooms.values():
            self._add(found, room.entries())
        for client in self._clients:
            assert isinstance(client, Connection)
            if not client.session.outbox.is_empty:
                self._add(found, client.session.outbox.entries())
        return list(found.values())

    def tell(self, entries: Sequence[Entry]) -> Iterable[tuple[Any, bytes]]:
        """Yield messages that hold these entries."""
        writer, records, size = Writer(), [], 0
        for entry in entries:
            self._entries.add(entry)
            records.append(pack_entry(entry, writer))
            size += len(entry.batch.data)
            if size >= _MESSAGE:
                yield records, writer.data()
                writer, records, size = Writer(), [], 0
        if records:
            yield records, writer.data()

    def gates(self) -> list[tuple[int, bytes]]:
        """Return descriptor and bytes of each connection whose first request is not under way."""
        found = []
        for gate in self._service.gates:
            sock = gate.transport.get_extra_info("socket") if gate.transport else None
            if (
                sock is not None
                and sock.fileno() >= 0
                and gate.transport is not None
                and not gate.transport.is_closing()
                and self.may_move(sock)
            ):
                found.append((sock.fileno(), gate.received))
        return found

    def changes(self) -> tuple[dict[str, Any], bytes, list[Connection]]:
        """Return what has changed since it was described, and the connections that move.

        A connection that is not in it has left.
        """
        writer = Writer()
        numbers, heard = array("I"), array("d")
        published, taken = array("Q"), array("Q")
        records, moved = [], []
        for connection, number in self._connections.items():
            if connection.socket is None:
                continue
            moved.append(connection)
            session = connection.session
            if connection.ending is None and session.is_plain:
                numbers.append(number)
                heard.append(session.heard)
                published.append(session.inbox.published)
                taken.append(session.outbox.taken)
            else:
                state = session.snapshot()
                record = pack_session(state, writer, self._entries, self.format)
                records.append((number, session.room.name, record, pack_ending(connection.ending)))
        head = {
            "rooms": [pack_room(room.snapshot(), self._entries) for room in self._rooms.values()],
            "sessions": records,
            "plain": [
                writer.put(values.tobytes()) for values in (numbers, heard, published, taken)
            ],
            "carried": {name: it.snapshot() for name, it in self._service.carried.items()},
        }
        return head, writer.data(), moved

    def _add(self, found: dict[int, Entry], entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry not in self._entries:
                found[id(entry.batch)] = entry
