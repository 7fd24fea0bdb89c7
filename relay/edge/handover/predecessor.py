"""The side that serves: it hands over, or goes on as if nothing had been asked.

Copying goes on while it serves: what is sent is put together here and sent by a thread. Then it
freezes: without one pass of the event loop until it is decided, because a pass would let the
transports send bytes that have been reported as unsent.
"""

import asyncio
import logging
import os
import socket
import time
from array import array
from collections.abc import Iterable
from typing import Any, Final

from relay.edge.connection import Connection
from relay.edge.handover.channel import MOST_FILES, Broken, Channel
from relay.edge.handover.format import (
    READABLE,
    Writer,
    pack_ending,
    pack_entry,
    pack_room,
    pack_session,
)
from relay.edge.handover.rendezvous import network_namespace, peer_user
from relay.edge.handover.service import Service
from relay.edge.listener import Listener
from relay.names import RoomName
from relay.room.log import Entry

logger = logging.getLogger("relay")

FREEZE: Final = 1.0  # seconds for each step while nothing is served
COPY: Final = 30.0  # seconds for each step while it serves
_FEW: Final = 32  # new connections that need no further round of copying
_MESSAGE: Final = 4 * 1024**2  # bytes of entries in one message
_SMALL: Final = 256 * 1024  # bytes of new entries that need no further round


class Predecessor:
    """One attempt to hand over to the successor at the other end of `sock`."""

    def __init__(self, sock: socket.socket, service: Service, listener: Listener) -> None:
        self.moved: list[Connection] = []
        self.left = 0  # connections that cannot move
        self.frozen = 0.0  # seconds
        self._channel = Channel(sock)
        self._service = service
        self._roster = service.floor.roster
        self._hub = service.floor.hub
        self._listener = listener
        self._numbers: dict[Connection, int] = {}
        self._sent: set[tuple[RoomName, int]] = set()  # entries
        self._shares_network = False

    async def run(self) -> bool:
        """Return whether the successor serves from now on; else nothing has changed here."""
        self._channel.socket.settimeout(COPY)
        try:
            if not await asyncio.to_thread(self._greet):
                return False
            await self._copy()
            await asyncio.to_thread(self._channel.send, "COPY")
            await asyncio.to_thread(self._expect, "DONE")
            return self._freeze()
        except Broken as error:
            logger.warning("handing over failed, and this relay goes on serving: %s", error)
            return False
        finally:
            self._channel.close()

    def _greet(self) -> bool:
        sock = self._channel.socket
        if peer_user(sock) != os.getuid():
            return self._refuse(f"user {peer_user(sock)} may not take over from user {os.getuid()}")
        hello = self._expect("HELO")
        offered = hello.get("formats") if isinstance(hello, dict) else None
        common = set(READABLE) & set(offered if isinstance(offered, list) else ())
        if not common:
            return self._refuse(f"it reads formats {offered}, this relay writes {list(READABLE)}")
        self._shares_network = hello.get("network") == network_namespace() != 0
        self._channel.send("OKAY", {"format": max(common), "release": self._service.release})
        return True

    def _refuse(self, reason: str) -> bool:
        logger.warning("refused a successor: %s", reason)
        self._channel.send("NO", {"reason": reason})
        return False

    def _expect(self, kind: str) -> Any:
        message = self._channel.receive()
        for file in message.files:
            os.close(file)
        if message.kind == "NO":
            raise Broken(f"the successor gives up: {message.head}")
        if message.kind != kind:
            raise Broken(f"expected {kind}, got {message.kind!r}")
        return message.head

    def _may_move(self, sock: socket.socket | None) -> bool:
        return sock is not None and (sock.family == socket.AF_UNIX or self._shares_network)

    async def _copy(self) -> None:
        """Send listeners, connections and entries, in rounds, until there is little left."""
        listeners = [sock for sock in self._listener.sockets if self._may_move(sock)]
        names = [_name(sock) for sock in listeners]
        await self._send_in_thread("LIST", names, b"", [sock.fileno() for sock in listeners])
        while True:
            connections, entries = self._new_connections(), self._new_entries()
            size = sum(len(entry.batch.data) for _, entry in entries)
            if len(connections) <= _FEW and size <= _SMALL:
                return
            for group in _groups(connections, MOST_FILES):
                await self._send_in_thread("CONN", *self._describe(group))
            for message in self._entry_messages(entries):
                await asyncio.to_thread(self._channel.send, "ENTR", *message)

    async def _send_in_thread(self, kind: str, head: Any, data: bytes, files: list[int]) -> None:
        """Send copies of the descriptors: what they belong to may be closed meanwhile."""
        copies = [os.dup(file) for file in files]
        try:
            await asyncio.to_thread(self._channel.send, kind, head, data, copies)
        finally:
            for file in copies:
                os.close(file)

    def _freeze(self) -> bool:
        """Decide, without a pass of the event loop."""
        started = time.monotonic()
        self._channel.socket.settimeout(FREEZE)
        self._listener.pause()
        try:
            for room in self._hub.rooms.values():
                room.flush()
            for group in _groups(self._new_connections(), MOST_FILES):
                self._channel.send("CONN", *self._describe(group))
            for message in self._entry_messages(self._new_entries()):
                self._channel.send("ENTR", *message)
            self._send_heads()
            self._channel.send("LAST", *self._final(started))
            self._expect("REDY")
            self._channel.send("YOUR")
        except BaseException:
            self._listener.start()
            raise
        self.frozen = time.monotonic() - started
        return True

    def _new_connections(self) -> list[Connection]:
        found = []
        self.left = 0
        for client in self._roster.clients:
            assert isinstance(client, Connection)
            if client.socket is not None and client not in self._numbers:
                if self._may_move(client.socket):
                    found.append(client)
                else:
                    self.left += 1
        return found

    def _describe(self, group: list[Connection]) -> tuple[Any, bytes, list[int]]:
        """Return what does not change of these connections, and their descriptors."""
        records, files = [], []
        for connection in group:
            sock = connection.socket
            if sock is not None:
                number = self._numbers[connection] = len(self._numbers)
                session = connection.session
                records.append((number, session.room.name, session.describe()))
                files.append(sock.fileno())
        return records, b"", files

    def _new_entries(self) -> list[tuple[RoomName, Entry]]:
        """Return the entries that logs, backlogs and deliveries hold and the successor does not."""
        found: dict[tuple[RoomName, int], Entry] = {}

        def add(room: RoomName, entries: Iterable[Entry]) -> None:
            for entry in entries:
                if (room, entry.offset) not in self._sent:
                    found[room, entry.offset] = entry

        for room in self._hub.rooms.values():
            add(room.name, room.entries())
        for client in self._roster.clients:
            assert isinstance(client, Connection)
            if not client.session.outbox.is_empty:
                add(client.session.room.name, client.session.outbox.entries())
        return [(room, entry) for (room, _), entry in found.items()]

    def _entry_messages(self, entries: list[tuple[RoomName, Entry]]) -> Iterable[tuple[Any, bytes]]:
        while entries:
            writer, records, size = Writer(), [], 0
            while entries and (not size or size < _MESSAGE):
                room, entry = entries.pop()
                records.append(pack_entry(room, entry, writer))
                self._sent.add((room, entry.offset))
                size += len(entry.batch.data)
            yield records, writer.data()

    def _send_heads(self) -> None:
        """Send the connections whose request has not been answered, with the bytes of its head."""
        waiting = [(gate.transport, gate.received) for gate in self._service.gates]
        waiting += list(self._service.handshakes.items())
        movable: list[tuple[int, bytes]] = []
        for transport, head in waiting:
            sock = transport.get_extra_info("socket") if transport else None
            if sock is not None and self._may_move(sock) and sock.fileno() >= 0:
                movable.append((sock.fileno(), head))
        for group in _groups(movable, MOST_FILES):
            heads = b"".join(head for _, head in group)
            sizes, files = [len(head) for _, head in group], [file for file, _ in group]
            self._channel.send("HEAD", sizes, heads, files)

    def _final(self, started: float) -> tuple[Any, bytes]:
        """Return what has changed since it was copied."""
        writer = Writer()
        numbers, heard = array("I"), array("d")
        published, taken = array("Q"), array("Q")
        records = []
        for connection, number in self._numbers.items():
            if connection.socket is None:
                continue
            self.moved.append(connection)
            session = connection.session
            if connection.ending is None and session.is_plain:
                numbers.append(number)
                heard.append(session.heard)
                published.append(session.inbox.published)
                taken.append(session.outbox.taken)
            else:
                record = pack_session(session.snapshot(), writer)
                records.append((number, session.room.name, record, pack_ending(connection.ending)))
        head = {
            "started": started,
            "rooms": [pack_room(room.snapshot()) for room in self._hub.rooms.values()],
            "sessions": records,
            "plain": [
                writer.put(values.tobytes()) for values in (numbers, heard, published, taken)
            ],
            "carried": {name: it.snapshot() for name, it in self._service.carried.items()},
        }
        return head, writer.data()


def _groups(items: list[Any], size: int) -> Iterable[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _name(sock: socket.socket) -> list[Any]:
    """Return what a listening socket is bound to, as JSON can hold it."""
    return [sock.family.name, sock.getsockname()]
