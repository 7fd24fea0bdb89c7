"""The side that takes over: it copies while the other serves, and serves once it is told so."""

import asyncio
import gc
import logging
import os
import socket
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from relay.edge.connection import Connection
from relay.edge.handover.channel import Broken, Channel, Gone, Received, Silent
from relay.edge.handover.format import (
    READABLE,
    Reader,
    read_ending,
    read_entry,
    read_room,
    read_session,
)
from relay.edge.handover.rendezvous import network_namespace, peer_user
from relay.edge.handover.service import Service
from relay.edge.sockets import Inherited
from relay.member.session import arrive
from relay.names import RoomName, UserName
from relay.room.log import Entry
from relay.room.member import Member
from relay.room.room import Room

logger = logging.getLogger("relay")

T = TypeVar("T")
Listeners = Awaitable[Sequence[socket.socket]]

GREET: Final = 5.0  # seconds for the other to answer at all
WAIT: Final = 30.0  # seconds for a message while the other serves
DECIDE: Final = 3.0  # seconds for the other to decide, once everything is here


class Refused(Exception):
    """The one that serves does not hand over; `str()` says why."""


class Incompatible(Refused):
    """It never will: there is no format that both read."""


class _Arrival(asyncio.Protocol):
    """A connection that still belongs to the other process: nothing of it is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


@dataclass(slots=True)
class Taken:
    """What has been taken over: members are served already, the others are to be."""

    listeners: Sequence[socket.socket]
    members: int
    gates: list[tuple[asyncio.Transport, bytes]]
    release: str  # of the one that served before
    frozen: float  # seconds in which nobody served


@dataclass(slots=True)
class _Copy:
    listeners: Sequence[socket.socket] = ()
    transports: dict[int, asyncio.Transport] = field(default_factory=dict)
    connections: dict[int, Connection] = field(default_factory=dict)
    rooms: dict[RoomName, Room] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    gates: list[tuple[asyncio.Transport, bytes]] = field(default_factory=list)


class Successor:
    """One attempt to take over from the relay at the other end of the channel.

    `listen` is given its listening sockets, and returns those on which this one is to listen: if
    they are not to be had, the other goes on.
    """

    def __init__(
        self, channel: Channel, service: Service, listen: Callable[[list[Inherited]], Listeners]
    ) -> None:
        self._channel = channel
        self._service = service
        self._floor = service.floor
        self._loop = service.floor.loop
        self._listen = listen
        self._copy = _Copy()
        self._release = "unknown"

    async def run(self) -> Taken:
        """Take over everything, or raise `Refused` or `Broken` and hold nothing."""
        try:
            await self._call(self._greet)
            while (message := await self._call(self._channel.receive)).kind != "LAST":
                await self._take(message)
            gc.disable()  # it would look at all that there is while nobody is served
            try:
                self._build(message)
                self._decide()
                return self._commit(message.head)
            finally:
                gc.enable()
        except (ValueError, LookupError, TypeError):
            self._drop()
            raise Broken("the other side sends what is not in this format") from None
        except BaseException:
            self._drop()
            raise

    async def _call(self, function: Callable[..., T], *values: Any) -> T:
        return await asyncio.to_thread(function, *values)

    def _greet(self) -> None:
        sock = self._channel.socket
        user = peer_user(sock)
        if user != os.getuid():
            raise Refused(f"user {os.getuid()} does not take over from user {user}")
        sock.settimeout(GREET)
        hello = {
            "formats": READABLE,
            "network": network_namespace(),
            "release": self._service.release,
        }
        with suppress(Gone):  # it may have said why
            self._channel.send("HELO", hello)
        answer = self._channel.receive()
        if answer.kind == "NO":
            refusal = Refused if answer.head.get("format", True) else Incompatible
            raise refusal(str(answer.head["reason"]))
        if answer.kind != "OKAY":
            raise Broken("the other side sends what is no answer")
        self._release = str(answer.head["release"])
        sock.settimeout(WAIT)

    async def _take(self, message: Received) -> None:
        copy, head = self._copy, message.head
        if message.kind == "LIST":
            sockets = [socket.socket(fileno=file) for file in message.files]
            copy.listeners = sockets
            copy.listeners = await self._listen(list(map(Inherited, sockets, head)))
        elif message.kind == "CONN":
            transports = await self._open(message.files)
            for (number, name, state), transport in zip(head, transports, strict=True):
                copy.transports[number] = transport
                room = self._room(name)
                copy.connections[number] = Connection(transport, room, arrive(state), self._floor)
        elif message.kind == "GONE":
            for number in head:
                copy.transports[number].abort()
        elif message.kind == "ENTR":
            reader, account = Reader(message.data), self._floor.terms.account
            copy.entries += [read_entry(record, reader, account) for record in head]
        elif message.kind == "HEAD":
            reader = Reader(message.data)
            transports = await self._open(message.files)
            for size, transport in zip(head, transports, strict=True):
                copy.gates.append((transport, reader.bytes(size)))
        elif message.kind == "COPY":
            await self._call(self._channel.send, "DONE")
        elif message.kind == "NO":
            raise Broken(f"the other side goes on serving: {head['reason']}")
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
        alive: set[int] = set()
        for number, name, record, ending in head["sessions"]:
            state = read_session(record, reader, copy.entries)
            copy.connections[number] = Connection(
                copy.transports[number], self._room(name), state, self._floor, read_ending(ending)
            )
            alive.add(number)
        plain = [reader.bytes(size) for size in head["plain"]]
        numbers, heards = array("I", plain[0]), array("d", plain[1])
        counts = zip(array("Q", plain[2]), array("Q", plain[3]), strict=True)
        for number, heard, (published, taken) in zip(numbers, heards, counts, strict=True):
            copy.connections[number].session.advance(heard, published, taken)
            alive.add(number)
        for number, transport in copy.transports.items():
            if number not in alive:
                transport.abort()  # it left meanwhile
                del copy.connections[number]
        members: dict[RoomName, dict[UserName, Member]] = {}
        for connection in copy.connections.values():
            if connection.ending is None:
                session = connection.session
                members.setdefault(session.room.name, {})[session.user] = session
        for record in head["rooms"]:
            room_state = read_room(record, copy.entries)
            self._room(room_state.name).restore(room_state, members.get(room_state.name, {}))

    def _decide(self) -> None:
        """Return when this process is to serve; raise when the other goes on.

        It is when the other has said "yours" and can hear "took", or has died: then the stream
        ends without its "no". So never both serve, and never neither. Who has waited too long gives
        up: it closes, and the other, which has not heard "took", goes on.
        """
        self._channel.socket.settimeout(DECIDE)
        try:
            self._channel.send("REDY")
            if self._channel.receive().kind == "YOUR":
                self._channel.send("TOOK")
                return
        except Gone:
            if self._has_died():
                return
        except Silent:
            raise Broken("the other side did not decide in time") from None
        raise Broken("the other side goes on serving")

    def _has_died(self) -> bool:
        """Whether the other has closed without "no"."""
        try:
            while self._channel.receive().kind != "NO":
                pass
        except Gone:
            return True
        return False

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
        floor.roster.note_left_behind()
        for connection in connections:
            try:
                connection.take_over()
            except Exception:  # of one client; the others are to be served
                logger.exception("a defect of the relay")
                connection.abort()
        frozen = time.monotonic() - head["started"]
        return Taken(copy.listeners, len(connections), copy.gates, self._release, frozen)

    def _drop(self) -> None:
        copy = self._copy
        for connection in copy.connections.values():
            connection.forget()
        for transport in copy.transports.values():
            transport.abort()
        for transport, _ in copy.gates:
            transport.abort()
        for room in copy.rooms.values():
            room.close()
        for sock in copy.listeners:
            sock.close()
