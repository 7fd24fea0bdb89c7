"""The side that takes over: it copies while the other serves, and serves once it is told so."""

import asyncio
import gc
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from relay.edge.handover.channel import Channel, Gone, HandoverFailed, Received, Silent
from relay.edge.handover.format import READABLE
from relay.edge.handover.rendezvous import network_namespace, peer_user
from relay.edge.handover.replica import Replica
from relay.edge.handover.service import Service
from relay.edge.sockets import Inherited

logger = logging.getLogger("relay")

T = TypeVar("T")
Listeners = Awaitable[Sequence[socket.socket]]

GREET: Final = 5.0  # seconds for the other to answer at all
WAIT: Final = 30.0  # seconds for a message while the other serves
DECIDE: Final = 3.0  # seconds for the other to decide, once everything is here


class HandoverRefused(Exception):
    """The one that serves does not hand over; `str()` says why."""


class Incompatible(HandoverRefused):
    """It never will: there is no format that both read."""


class _Unread(asyncio.Protocol):
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
        self._loop = service.runtime.loop
        self._listen = listen
        self._listeners: Sequence[socket.socket] = ()
        self._replica = Replica(service)
        self._release = "unknown"

    async def run(self) -> Taken:
        """Take over everything, or raise `HandoverRefused` or `HandoverFailed` and hold nothing."""
        try:
            message = await self._copy()
            gc.disable()  # it would look at all that there is while nobody is served
            self._replica.update(message.head, message.data)
            self._decide()
        except (ValueError, LookupError, TypeError):
            self._drop()
            raise HandoverFailed("the other side sends what is not in this format") from None
        except BaseException:
            self._drop()
            raise
        else:
            connections = self._replica.commit()
        finally:
            gc.enable()
        frozen = time.monotonic() - self._replica.started
        gates = self._replica.gates
        return Taken(self._listeners, len(connections), gates, self._release, frozen)

    async def _copy(self) -> Received:
        """Take what comes while the other serves; return its last message."""
        await self._call(self._greet)
        while (message := await self._call(self._channel.receive)).kind != "LAST":
            await self._take(message)
        return message

    async def _call(self, function: Callable[..., T], *values: Any) -> T:
        return await asyncio.to_thread(function, *values)

    def _greet(self) -> None:
        sock = self._channel.socket
        user = peer_user(sock)
        if user != os.getuid():
            raise HandoverRefused(f"user {os.getuid()} does not take over from user {user}")
        self._channel.wait(GREET)
        hello = {
            "formats": READABLE,
            "network": network_namespace(),
            "release": self._service.release,
        }
        with suppress(Gone):  # it may have said why
            self._channel.send("HELO", hello)
        answer = self._channel.receive()
        if answer.kind == "NO":
            refusal = Incompatible if answer.head.get("replace") else HandoverRefused
            raise refusal(str(answer.head["reason"]))
        if answer.kind != "OKAY":
            raise HandoverFailed("the other side sends what is no answer")
        self._release = str(answer.head["release"])
        self._channel.wait(WAIT)

    async def _take(self, message: Received) -> None:
        replica, head = self._replica, message.head
        if message.kind == "LIST":
            self._listeners = sockets = [socket.socket(fileno=file) for file in message.files]
            self._listeners = await self._listen(list(map(Inherited, sockets, head)))
        elif message.kind == "CONN":
            replica.add_connections(head, await self._open(message.files))
        elif message.kind == "GONE":
            replica.remove(head)
        elif message.kind == "ENTR":
            replica.add_entries(head, message.data)
        elif message.kind == "ROOM":
            replica.add_rooms(head)
        elif message.kind == "HALF":
            replica.add_unfinished(head, message.data)
        elif message.kind == "HEAD":
            replica.add_gates(head, message.data, await self._open(message.files))
        elif message.kind == "COPY":
            await self._call(self._channel.send, "DONE")
        elif message.kind == "NO":
            raise HandoverFailed(f"the other side goes on serving: {head['reason']}")
        else:
            raise HandoverFailed(
                f"the other side sends {message.kind!r}, which this format does not have"
            )

    async def _open(self, files: Sequence[int]) -> list[asyncio.Transport]:
        """Return a transport for each descriptor; nothing is read from it yet."""
        sockets = [socket.socket(fileno=file) for file in files]
        return await asyncio.gather(*map(self._open_one, sockets))

    async def _open_one(self, sock: socket.socket) -> asyncio.Transport:
        transport, _ = await self._loop.connect_accepted_socket(_Unread, sock)
        # Python 3.11.2 reads on after a pause in `connection_made`: it would take what is not ours.
        transport.resume_reading()
        transport.pause_reading()
        return transport

    def _decide(self) -> None:
        """Return when this process is to serve; raise when the other goes on.

        It is when the other has said "yours" and can hear "took", or has died: then the stream
        ends without its "no". So never both serve, and never neither. Who has waited too long gives
        up: it closes, and the other, which has not heard "took", goes on.
        """
        self._channel.wait(DECIDE)
        try:
            self._channel.send("REDY")
            if self._channel.receive().kind == "YOUR":
                self._channel.send("TOOK")
                return
        except Gone:
            if self._has_died():
                return
        except Silent:
            raise HandoverFailed("the other side did not decide in time") from None
        raise HandoverFailed("the other side goes on serving")

    def _has_died(self) -> bool:
        """Whether the other has closed without "no"."""
        try:
            while self._channel.receive().kind != "NO":
                pass
        except Gone:
            return True
        return False

    def _drop(self) -> None:
        self._replica.drop()
        for sock in self._listeners:
            sock.close()
