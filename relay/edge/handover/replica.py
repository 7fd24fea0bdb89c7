"""What a successor has been told: connections, entries and rooms, built up to be served."""

import asyncio
import logging
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from relay.edge.connection import Connection
from relay.edge.handover.format import BlobReader, read_ending, read_entry, read_room, read_session
from relay.edge.handover.service import Service
from relay.member.session_state import SessionState, from_description
from relay.names import RoomName, UserName
from relay.room.log import Entry
from relay.room.member import Member
from relay.room.room import Room
from relay.room.state import RoomState

logger = logging.getLogger("relay")


class Replica:
    """The other side of an `Inventory`; nobody is served before `commit`."""

    def __init__(self, service: Service) -> None:
        self.gates: list[tuple[asyncio.Transport, bytes]] = []
        self._service = service
        self._runtime = service.runtime
        self._transports: dict[int, asyncio.Transport] = {}
        self._connections: dict[int, Connection] = {}
        self._described: dict[int, SessionState] = {}
        self._rooms: dict[RoomName, Room] = {}
        self._still: dict[RoomName, RoomState] = {}  # told ahead, with people: for `update`
        self._empty: set[RoomName] = set()  # told ahead, restored already
        self._entries: list[Entry] = []
        self._carried: dict[str, Any] = {}
        self._names: list[RoomName] = []
        self.started = 0.0  # when the other stopped serving, by the host's monotonic clock

    def add_connections(
        self, records: Iterable[Any], transports: Sequence[asyncio.Transport]
    ) -> None:
        """Take those that `Inventory.describe` has described."""
        for (number, name, state), transport in zip(records, transports, strict=True):
            self._transports[number] = transport
            room, described = self._room(name), from_description(state)
            self._described[number] = described
            self._connections[number] = Connection(transport, room, described, self._runtime)

    def remove(self, numbers: Iterable[int]) -> None:
        """Let those go that have left the other."""
        for number in numbers:
            self._transports[number].abort()

    def add_entries(self, records: Iterable[Any], data: bytes) -> None:
        """Take those that `Inventory.tell` has told."""
        reader, account = BlobReader(data), self._runtime.terms.account
        self._entries += [read_entry(record, reader, account) for record in records]

    def add_rooms(self, records: Iterable[Any]) -> None:
        """Take those that `Inventory.tell_rooms` has told; most have only history."""
        for record in records:
            state = read_room(record, self._entries)
            room = self._room(state.name)
            room.reopen(state.log)
            self._forget_room(state.name)
            if state.presence.people:
                self._still[state.name] = state
            else:
                room.restore(state, {})
                self._empty.add(state.name)

    def add_unfinished(self, records: Iterable[Any], data: bytes) -> None:
        """Take those that `Inventory.tell_unfinished` has told, and parse them."""
        self._add_unfinished(records, BlobReader(data))

    def add_gates(self, sizes: Sequence[int], data: bytes, opened: list[asyncio.Transport]) -> None:
        """Take connections whose first request is not under way, with what has come of it."""
        reader = BlobReader(data)
        self.gates += [(it, reader.bytes(size)) for it, size in zip(opened, sizes, strict=True)]

    def update(self, head: Any, data: bytes) -> None:
        """Bring everything up to date by `Inventory.changes`, and check what `commit` needs."""
        self.started = float(head["started"])
        self._carried = dict(head["carried"])
        rooms = [read_room(record, self._entries) for record in head["rooms"]]
        for room_state in rooms:
            self._room(room_state.name).reopen(room_state.log)
            self._forget_room(room_state.name)
        for name in map(RoomName, head.get("forgotten", ())):  # format 2 has none
            self._forget_room(name)
            if name not in self._rooms:
                raise ValueError("a room is forgotten that was not told")
            self._rooms.pop(name).close()
        rooms += self._still.values()
        self._names = [*self._empty, *(room_state.name for room_state in rooms)]
        reader, connections = BlobReader(data), self._connections
        alive: set[int] = set()
        for number, name, record, ending in head["sessions"]:
            state = read_session(record, reader, self._entries)
            state = replace(state, ending=read_ending(ending))
            transport, room = self._transports[number], self._room(name)
            before, begun = connections[number].session.inbox, state.inbox.begun
            connection = connections[number] = Connection(transport, room, state, self._runtime)
            if begun:
                if before.unfinished != begun:
                    raise ValueError("a message has not begun as it is said to")
                connection.session.inbox.go_on_from(before, state.inbox.unfinished)
            else:
                before.stop()
            alive.add(number)
        plain = [reader.bytes(size) for size in head["plain"]]
        numbers, heards = array("I", plain[0]), array("d", plain[1])
        counts = zip(array("Q", plain[2]), array("Q", plain[3]), strict=True)
        unfinished = head.get("halves", ())  # format 2 has none
        goes_on = {number for number, begun, _ in unfinished if begun}
        for number, heard, (published, taken) in zip(numbers, heards, counts, strict=True):
            if number not in goes_on:
                self._forget_unfinished(number)
            connections[number].session.advance(heard, published, taken)
            alive.add(number)
        self._add_unfinished(unfinished, reader)
        for number, transport in self._transports.items():
            if number not in alive:
                transport.abort()  # it left meanwhile
                connections.pop(number).session.inbox.stop()
        self._restore_rooms(rooms)

    def commit(self) -> list[Connection]:
        """From here on this process serves, whatever fails; return the connections."""
        runtime = self._runtime
        for name in self._names:
            runtime.hub.adopt(self._rooms[name])
        for what, carried in self._service.carried.items():
            try:
                if what in self._carried:
                    carried.restore(self._carried[what])
            except Exception:  # of counters, say; the clients are to be served
                logger.exception("a defect of the relay: %s begin anew", what)
        connections = list(self._connections.values())
        for connection in connections:
            runtime.roster.take(connection)
        runtime.roster.note_left_behind()
        for connection in connections:
            try:
                connection.take_over()
            except Exception:  # of one client; the others are to be served
                logger.exception("a defect of the relay")
                connection.abort()
        return connections

    def drop(self) -> None:
        """Nothing comes of it: hold nothing, and tell the clients nothing."""
        for connection in self._connections.values():
            connection.detach()
        for transport in self._transports.values():
            transport.abort()
        for transport, _ in self.gates:
            transport.abort()
        for room in self._rooms.values():
            room.close()

    def _add_unfinished(self, records: Iterable[Any], reader: BlobReader) -> None:
        for number, begun, size in records:
            if not begun:
                self._forget_unfinished(number)
            inbox = self._connections[number].session.inbox
            if inbox.unfinished != begun:
                raise ValueError("a part of a message does not come behind the one before")
            inbox.recall(reader.bytes(size))

    def _forget_room(self, name: RoomName) -> None:
        """What was told of it ahead is not true any more."""
        self._still.pop(name, None)
        self._empty.discard(name)

    def _forget_unfinished(self, number: int) -> None:
        """The message of which something was told has ended."""
        before = self._connections[number].session
        if before.inbox.unfinished:
            before.inbox.stop()
            transport, state = self._transports[number], self._described[number]
            self._connections[number] = Connection(transport, before.room, state, self._runtime)

    def _room(self, name: RoomName) -> Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = self._runtime.hub.new_room(name)
        return room

    def _restore_rooms(self, states: Iterable[RoomState]) -> None:
        members: dict[RoomName, dict[UserName, Member]] = {}
        for connection in self._connections.values():
            session = connection.session
            if session.ending is None:
                members.setdefault(session.room.name, {})[session.user] = session
        for state in states:
            self._room(state.name).restore(state, members.get(state.name, {}))
