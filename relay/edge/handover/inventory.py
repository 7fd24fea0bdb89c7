"""What a relay that serves has to hand over, and what of it has been told already."""

import socket
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from relay.edge.connection import Connection
from relay.edge.handover import former
from relay.edge.handover.format import (
    FORMAT,
    BlobWriter,
    Numbers,
    pack_ending,
    pack_entry,
    pack_room,
    pack_session,
)
from relay.edge.handover.service import Service
from relay.room.log import Entry
from relay.room.room import Room

_MESSAGE: Final = 4 * 1024**2  # bytes of entries in one message


class Inventory:
    """Connections and entries by the numbers under which the successor knows them."""

    def __init__(self, service: Service) -> None:
        self.format = FORMAT  # that the successor reads
        self.shares_network = False  # with the successor: then TCP moves, too
        self.left = 0  # connections that cannot move, when they were last counted
        self._service = service
        self._clients = service.runtime.roster.clients
        self._rooms = service.runtime.hub.rooms
        self._connections: dict[Connection, int] = {}
        self._gone: set[Connection] = set()
        self._entries = Numbers()

    @property
    def is_former(self) -> bool:
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
            if not self.may_move(sock) or (self.is_former and client.session.resume):
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
                described = session.describe()
                if self.is_former:
                    described["options"] = former.of_options(described["options"])
                records.append((number, session.room.name, described))
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
        writer, records, size = BlobWriter(), [], 0
        for entry in entries:
            self._entries.add(entry)
            record = pack_entry(entry, writer)
            records.append(former.of_entry(record) if self.is_former else record)
            size += entry.batch.size
            if size >= _MESSAGE:
                yield records, writer.data()
                writer, records, size = BlobWriter(), [], 0
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
        writer = BlobWriter()
        numbers, heard = array("I"), array("d")
        published, taken = array("Q"), array("Q")
        records, moved = [], []
        for connection, number in self._connections.items():
            if connection.socket is None:
                continue
            moved.append(connection)
            session = connection.session
            if session.ending is None and session.is_plain:
                numbers.append(number)
                heard.append(session.heard)
                published.append(session.inbox.published)
                taken.append(session.outbox.taken)
            else:
                record = pack_session(session.snapshot(), writer, self._entries)
                if self.is_former:
                    record = former.of_session(record)
                records.append((number, session.room.name, record, pack_ending(session.ending)))
        head = {
            "rooms": [self._pack_room(room) for room in self._rooms.values()],
            "sessions": records,
            "plain": [
                writer.put(values.tobytes()) for values in (numbers, heard, published, taken)
            ],
            "carried": {name: it.snapshot() for name, it in self._service.carried.items()},
        }
        return head, writer.data(), moved

    def _pack_room(self, room: Room) -> dict[str, Any]:
        state = room.snapshot()
        if not self.is_former:
            return pack_room(state, self._entries)
        told = tuple(each for each in state.dispatch.deliveries if each.entry in self._entries)
        state = replace(state, dispatch=replace(state.dispatch, deliveries=told))
        return former.of_room(pack_room(state, self._entries))

    def _add(self, found: dict[int, Entry], entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry not in self._entries and (entry.batch.messages or not self.is_former):
                found[id(entry.batch)] = entry
