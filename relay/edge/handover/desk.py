"""Where a relay that serves waits for its successor, and what it does when one has come."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from relay.edge.handover import rendezvous
from relay.edge.handover.channel import Broken, Channel
from relay.edge.handover.predecessor import Predecessor
from relay.edge.handover.service import Service
from relay.edge.listener import Listener

logger = logging.getLogger("relay")

_MODE: Final = 0o600  # of the socket: whoever may connect may take over
_QUEUE: Final = 4


class Desk:
    """Answers successors, one after the other, until one has taken over.

    `on_end` is called then, with the number of connections that could not move.
    """

    def __init__(
        self, path: Path, service: Service, listener: Listener, on_end: Callable[[int], None]
    ) -> None:
        self._service = service
        self._listener = listener
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._is_busy = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = rendezvous.bind(path, _MODE)
        self._socket.setblocking(False)
        self._socket.listen(_QUEUE)
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Answer nobody any more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            sock, _ = self._socket.accept()
            task = self._loop.create_task(self._answer(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, sock: socket.socket) -> None:
        if self._is_busy:
            sock.settimeout(1)
            with suppress(Broken):
                Channel(sock).send("NO", {"reason": "another successor is taking over"})
            sock.close()
            return
        self._is_busy = True
        predecessor = Predecessor(sock, self._service, self._listener)
        try:
            if await predecessor.run():
                self._leave(predecessor)
        except Exception:
            logger.exception("a defect of the relay: it goes on serving")
        finally:
            self._is_busy = False

    def _leave(self, predecessor: Predecessor) -> None:
        """Never serve again: what has moved is forgotten here, before the loop looks at it."""
        service, roster = self._service, self._service.floor.roster
        for connection in predecessor.moved:
            connection.detach()
            roster.clients.discard(connection)
        for gate in tuple(service.gates):
            gate.detach()
        for transport in tuple(service.handshakes):
            transport.abort()
        self._listener.close()
        self.close()
        logger.info(
            "handed over %d connections, frozen for %.0f ms; %d cannot move and are asked to leave",
            len(predecessor.moved),
            predecessor.frozen * 1000,
            predecessor.left,
        )
        self._on_end(predecessor.left)
