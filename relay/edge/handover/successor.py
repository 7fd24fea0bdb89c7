"""The side that takes over: it copies while the other serves, and serves once it is told so."""

import asyncio
import socket
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from relay.edge.connection import Connection
from relay.edge.handover.channel import Broken, Channel, Received
from relay.edge.handover.format import (
    READABLE,
    Entries,
    Reader,
    read_ending,
    read_entry,
    read_room,
    read_session,
)
from relay.edge.handover.rendezvous import network_namespace
from relay.edge.handover.service import Service
from relay.member.session import Session, arrive
from relay.names import RoomName, UserName
from relay.room.member import Member
from relay.room.room import Room

WAIT: Final = 30.0  # seconds for a message while the other serves
DECIDE: Final = 3.0  # seconds for the other to decide, once everything is here


class Refused(Exception):
    """The one that serves does not hand over; `str()` says why."""


class _Arrival(asyncio.Protocol):
    """A connection that still belongs to the other process: nothing of it is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


@dataclass(slots=True)
class Taken:
    """What has been taken over, to be started by `Successor.start`."""

    listeners: list[socket.socket]
    connections: list[Connection]
    heads: list[tuple[asyncio.Transport, bytes]]
    release: str  # of the one that served before
    frozen: float  # seconds in which nobody served


@dataclass(slots=True)
class _Copy:
    listeners: list[socket.socket] = field(default_factory=list)
    transports: dict[int, asyncio.Transport] = field(default_factory=dict)
    connections: dict[int, Connection] = field(default_factory=dict)
    rooms: dict[RoomName, Room] = field(default_factory=dict)
    entries: Entries = field(default_factory=dict)
    heads: list[tuple[asyncio.Transport, bytes]] = field(default_factory=list)


class Successor:
    """One attempt to take over from the relay at the other end of `sock`."""

    def __init__(self, sock: socket.socket, service: Service) -> None:
        sock.settimeout(WAIT)
        self._channel = Channel(sock)
        self._service = service
        self._floor = service.floor
        self._loop = service.floor.loop
        self._copy = _Copy()
        self._release = "unknown"

    async def run(self) -> Taken:
        """Take over everything, or raise `Refused` or `Broken` and hold nothing."""
        try:
            await asyncio.to_thread(self._greet)
            while True:
                message = await asyncio.to_thread(self._channel.receive)
                if message.kind == "LAST":
                    break
                await self._take(message)
            self._build(message)
            self._channel.send("REDY")
            self._await_decision()
        except BaseException:
            self._drop()
            raise
        finally:
            self._channel.close()
        return self._commit(message.head)

    def _greet(self) -> None:
        hello = {
            "formats": READABLE,
            "network": network_namespace(),
            "release": self._service.release,
        }
        self._channel.send("HELO", hello)
        answer = self._channel.receive()
        if answer.kind == "NO":
            raise Refused(str(answer.head["reason"]))
        if answer.kind != "OKAY":
            raise Broken("the other side sends what is no answer")
        self._release = str(answer.head["release"])

    async def _take(self, message: Received) -> None:
        copy = self._copy
        if message.kind == "LIST":
            copy.listeners += [socket.socket(fileno=file) for file in message.files]
        elif message.kind == "CONN":
            transports = await self._open(message.files)
            for (number, name, state), transport in zip(message.head, transports, strict=True):
                copy.transports[number] = transport
                room = self._room(name)
                copy.connections[number] = Connection(transport, room, arrive(state), self._floor)
        elif message.kind == "ENTR":
            reader = Reader(message.data)
            for record in message.head:
                room_name, entry = read_entry(record, reader, self._floor.terms.account)
                copy.entries[room_name, entry.offset] = entry
        elif message.kind == "HEAD":
            reader = Reader(message.data)
            transports = await self._open(message.files)
            for size, transport in zip(message.head, transports, strict=True):
                copy.heads.append((transport, reader.bytes(size)))
        elif message.kind == "COPY":
            await asyncio.to_thread(self._channel.send, "DONE")
        else:
            raise Broken(f"the other side sends {message.kind!r}, which this format has not")

    async def _open(self, files: Sequence[int]) -> list[asyncio.Transport]:
        """Return a transport for each descriptor; nothing is read from it yet."""
        sockets = [socket.socket(fileno=file) for file in files]
        opened = await asyncio.gather(
            *(self._loop.connect_accepted_socket(_Arrival, sock) for sock in sockets)
        )
        return [transport for transport, _ in opened]

    def _room(self, name: RoomName) -> Room:
        room = self._copy.rooms.get(name)
        if room is None:
            room = self._copy.rooms[name] = self._floor.hub.new_room(name)
        return room

    def _build(self, message: Received) -> None:
        """Bring everything up to date."""
        head, reader, copy = message.head, Reader(message.data), self._copy
        alive: dict[int, Connection] = {}
        for number, name, record, ending in head["sessions"]:
            state = read_session(record, reader, name, copy.entries)
            alive[number] = Connection(
                copy.transports[number], self._room(name), state, self._floor, read_ending(ending)
            )
        plain = [reader.bytes(size) for size in head["plain"]]
        numbers, heards = array("I", plain[0]), array("d", plain[1])
        counts = zip(array("Q", plain[2]), array("Q", plain[3]), strict=True)
        for number, heard, (published, taken) in zip(numbers, heards, counts, strict=True):
            connection = alive[number] = copy.connections[number]
            connection.session.advance(heard, published, taken)
        for number, transport in copy.transports.items():
            if number not in alive:
                transport.abort()  # it left meanwhile
        copy.connections = alive
        members: dict[RoomName, dict[UserName, Member]] = {}
        for connection in alive.values():
            if connection.ending is None:
                session: Session = connection.session
                members.setdefault(session.room.name, {})[session.user] = session
        for record in head["rooms"]:
            room_state = read_room(record, copy.entries)
            self._room(room_state.name).restore(room_state, members.get(room_state.name, {}))

    def _await_decision(self) -> None:
        """Return when the other has said "yours", or has died; raise when it may go on serving.

        Who has waited too long first shuts its reading side: the other can then say nothing more,
        and what it had said before can still be read. So never both serve, and never neither.
        """
        sock = self._channel.socket
        sock.settimeout(DECIDE)
        try:
            answer = self._channel.receive().kind
        except Broken as error:
            if str(error) == "the other side has gone":
                return
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RD)
            try:
                answer = self._channel.receive().kind
            except Broken:
                raise Broken("the other side did not decide in time") from None
        if answer != "YOUR":
            raise Refused("the other side goes on serving")

    def _commit(self, head: Any) -> Taken:
        """From here on this process serves."""
        copy, floor = self._copy, self._floor
        open_rooms = {RoomName(record["name"]) for record in head["rooms"]}
        for name, room in copy.rooms.items():
            if name in open_rooms:
                floor.hub.adopt(room)
        for what, carried in self._service.carried.items():
            if what in head["carried"]:
                carried.restore(head["carried"][what])
        connections = list(copy.connections.values())
        for connection in connections:
            floor.roster.take(connection, connection.address, connection.is_open)
            connection.take_over()
        frozen = time.monotonic() - head["started"]
        return Taken(copy.listeners, connections, copy.heads, self._release, frozen)

    def _drop(self) -> None:
        for transport in self._copy.transports.values():
            transport.abort()
        for transport, _ in self._copy.heads:
            transport.abort()
        for sock in self._copy.listeners:
            sock.close()
