"""The side that serves: it hands over, or goes on as if nothing had been asked.

Copying goes on while it serves: what is sent is put together here and sent by a thread. Then it
freezes: without one pass of the event loop until it is decided, because a pass would let the
transports send bytes that have been reported as unsent.
"""

import asyncio
import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, Final, TypeVar

from relay.edge.connection import Connection
from relay.edge.handover.channel import MOST_FILES, Channel, HandoverFailed, Silent
from relay.edge.handover.format import READABLE
from relay.edge.handover.inventory import Inventory, News
from relay.edge.handover.rendezvous import network_namespace, peer_user
from relay.edge.handover.service import Service
from relay.edge.listener import Listener

logger = logging.getLogger("relay")

T = TypeVar("T")

GREET: Final = 5.0  # seconds for a successor to say who it is
COPY: Final = 30.0  # seconds for each step while it serves
FREEZE: Final = 1.0  # seconds in all while nothing is served
_REPLACE: Final = 60.0  # seconds for a refused successor to serve in this relay's place
_HELLO: Final = 64 * 1024  # bytes of a greeting
_ROUNDS: Final = 8  # of copying; under load there is always something new
_FREE: Final = 3  # of them in which everybody is read


class Outcome(Enum):
    """What has become of an attempt to take over."""

    KEPT = "this relay goes on serving"
    HANDED_OVER = "the successor serves"
    REPLACED = "the successor serves, but could not take over: this relay is to drain"


class Predecessor:
    """One attempt to hand over to the successor at the other end of the channel."""

    def __init__(
        self, channel: Channel, service: Service, listener: Listener, *, is_hurried: bool = False
    ) -> None:
        """`is_hurried`: who makes it long is left behind."""
        self.moved: list[Connection] = []
        self.left = 0  # connections that cannot move
        self.frozen = 0.0  # seconds
        self.is_late = False  # it took longer than nobody may be served
        self._channel = channel
        self._service = service
        self._listener = listener
        self._may_be_replaced = False
        self._inventory = Inventory(service)
        self._inventory.is_hurried = is_hurried

    async def greet(self) -> str | None:
        """Return why not to hand over to this one, or None.

        Raise `HandoverFailed` if it is nobody.
        """
        sock = self._channel.socket
        user = peer_user(sock)
        if user != os.getuid():
            return f"user {user} may not take over from user {os.getuid()}"
        self._channel.wait(GREET)
        hello = await self._call(self._expect, "HELO", _HELLO)
        offered = hello.get("formats") if isinstance(hello, dict) else None
        offered = offered if isinstance(offered, list) else []
        common = [number for number in READABLE if number in offered]
        if not common:
            self._may_be_replaced = True
            return f"the successor reads formats {offered}, this relay writes {list(READABLE)}"
        self._inventory.format = max(common)
        if hello.get("network") == network_namespace() != 0:
            self._inventory.shares_network = True
        return None

    async def refuse(self, reason: str) -> Outcome:
        """Say why not; if the reason is its formats, it may serve in this relay's place then.

        Nobody else who is refused has a say in what becomes of this relay.
        """
        self._channel.wait(GREET)
        try:
            answer = {"reason": reason, "replace": self._may_be_replaced}
            await self._call(self._channel.send, "NO", answer)
            self._channel.wait(_REPLACE)
            outcome = await self._call(self._last_word)
            return outcome if self._may_be_replaced else Outcome.KEPT
        except HandoverFailed:
            return Outcome.KEPT

    async def run(self) -> Outcome:
        """Hand over; if nothing comes of it, nothing has changed here."""
        self._channel.wait(COPY)
        try:
            hello = {"format": self._inventory.format, "release": self._service.release}
            await self._call(self._channel.send, "OKAY", hello)
            try:
                await self._copy()
                await self._listener.finish_accepting()
                await self._decide()
            except BaseException:
                self._inventory.release()
                raise
            return Outcome.HANDED_OVER
        except HandoverFailed as error:
            logger.warning("handing over failed, and this relay goes on serving: %s", error)
            return await self._call(self._break_off, str(error))
        except BaseException:
            self._break_off("a defect of the relay")
            raise

    def stop(self) -> None:
        """This relay ends: hand over nothing more."""
        self._channel.stop()

    async def _call(self, function: Callable[..., T], *values: Any) -> T:
        return await asyncio.to_thread(function, *values)

    def _expect(self, kind: str, *most: int) -> Any:
        message = self._channel.receive(*most)
        for file in message.files:
            os.close(file)
        if message.kind == "NO":
            raise HandoverFailed(f"the successor gives up: {message.head['reason']}")
        if message.kind != kind:
            raise HandoverFailed("the other side sends what is no message")
        return message.head

    async def _copy(self) -> None:
        """Send listeners, connections and entries, in rounds, until there is little left."""
        listeners = [sock for sock in self._listener.sockets if self._inventory.may_move(sock)]
        settings = self._service.runtime.settings
        where = {socket.AF_UNIX: str(settings.listen_socket)}  # it was renamed since it was bound
        addresses = ",".join(settings.listen_address)
        names = [where.get(sock.family, addresses) for sock in listeners]
        await self._send_files("LIST", names, b"", [sock.fileno() for sock in listeners])
        news = self._inventory.news()
        for number in range(1, _ROUNDS + 1):
            await self._tell(news)
            await self._call(self._channel.send, "COPY")
            await self._call(self._expect, "DONE")
            news = self._inventory.news()
            if news.is_little:
                break
            if number >= _FREE:
                self._inventory.hold()

    async def _tell(self, news: News) -> None:
        for group in groups(news.connections, MOST_FILES):
            await self._send_files("CONN", *self._inventory.describe(group))
        for message in self._inventory.tell(news.entries):
            await self._call(self._channel.send, "ENTR", *message)
        for rooms in self._inventory.tell_rooms():
            await self._call(self._channel.send, "ROOM", rooms)
        for message in self._inventory.tell_unfinished():
            await self._call(self._channel.send, "HALF", *message)
        gone = self._inventory.gone()
        if gone:
            await self._call(self._channel.send, "GONE", gone)

    async def _send_files(self, kind: str, head: Any, data: bytes, files: list[int]) -> None:
        """Send copies of the descriptors: what they belong to may be closed meanwhile."""
        copies: list[int] = []
        try:
            for file in files:
                copies.append(os.dup(file))
            await self._call(self._channel.send, kind, head, data, copies)
        except OSError as error:
            raise HandoverFailed(
                f"cannot copy descriptors: {(error.strerror or '').lower()}"
            ) from None
        finally:
            for file in copies:
                os.close(file)

    async def _rest(self) -> None:
        """Wait until no log has still to answer: what is on its way has no place to travel."""
        if self._service.rest is not None:
            try:
                await self._service.rest()
            except TimeoutError:
                raise HandoverFailed("the log of the rooms does not answer") from None

    async def _decide(self) -> None:
        """Hand over, or accept and publish as before."""
        try:
            await self._rest()
            self._freeze()
        except BaseException:
            self._listener.start()
            if self._service.go_on is not None:
                self._service.go_on()
            raise

    def _freeze(self) -> None:
        """Decide, without a pass of the event loop."""
        started = time.monotonic()
        channel, inventory = self._channel, self._inventory
        channel.end_in(FREEZE)
        gc.disable()  # it would look at all that there is
        try:
            for room in tuple(self._service.runtime.hub.rooms.values()):
                room.flush()
            for group in groups(inventory.new_connections(), MOST_FILES):
                channel.send("CONN", *inventory.describe(group))
            for message in inventory.tell(inventory.new_entries()):
                channel.send("ENTR", *message)
            for gates in groups(inventory.gates(), MOST_FILES):
                heads = [received for _, received in gates]
                sizes = [len(received) for received in heads]
                channel.send("HEAD", sizes, b"".join(heads), [file for file, _ in gates])
            head, data, moved = inventory.changes()
            head["started"] = started
            channel.send("LAST", head, data)
            self._expect("REDY")
            channel.send("YOUR")
            self._await_taking()
        except BaseException as error:
            channel.stop_hearing()  # before this relay serves again
            self.is_late = isinstance(error, Silent)
            raise
        finally:
            gc.enable()
        self.moved, self.left = moved, inventory.left
        self.frozen = time.monotonic() - started

    def _await_taking(self) -> None:
        """Return when the successor has said that it serves; raise when it never will.

        Until then it has touched nothing: if it dies, this relay goes on. When it is silent, this
        side first stops hearing, so that it cannot say it any more, and then looks once more.
        """
        try:
            self._expect("TOOK")
        except Silent:
            self._channel.stop_hearing()
            self._expect("TOOK")

    def _break_off(self, reason: str) -> Outcome:
        """Have the successor know that this relay goes on: who just closes has died.

        Before that it hears no more, so that "took" cannot be on its way. If it has said already
        that it serves in this relay's place, this relay drains.
        """
        self._channel.stop_hearing()
        self._channel.wait(FREEZE)
        # Where this fails nobody is there, or has not read what came before: no "took" will come.
        with suppress(HandoverFailed):
            self._channel.send("NO", {"reason": reason})
        try:
            return self._last_word()
        except HandoverFailed:
            return Outcome.KEPT

    def _last_word(self) -> Outcome:
        """Return what follows from what the successor says in the end."""
        while True:
            message = self._channel.receive()
            for file in message.files:
                os.close(file)
            if message.kind == "DRAN":
                return Outcome.REPLACED


def groups(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """Yield the items in groups of this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
