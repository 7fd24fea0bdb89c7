"""Where a relay that serves waits for its successor, and what it does when one has come."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from relay.edge.connection import Connection
from relay.edge.gate import Gate
from relay.edge.handover import rendezvous
from relay.edge.handover.channel import Channel, HandoverFailed
from relay.edge.handover.predecessor import Outcome, Predecessor
from relay.edge.handover.service import Service
from relay.edge.listener import Listener

logger = logging.getLogger("relay")

_MODE: Final = 0o600  # of the socket: a process that may connect may take over
_QUEUE: Final = 16
_LATE: Final = 2  # attempts in a row that took too long, until not everybody moves


class HandoverServer:
    """Answers successors until one has taken over; hands over to one at a time.

    `on_end` is called then, with the number of connections that could not move; or with None when
    the successor serves and none has moved, so that all are to be drained.
    """

    def __init__(
        self,
        path: Path,
        service: Service,
        listener: Listener,
        on_end: Callable[[int | None], None],
    ) -> None:
        self._service = service
        self._listener = listener
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._current: Predecessor | None = None
        self._late = 0  # attempts in a row that took too long
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = rendezvous.bind(path, _MODE)
        self._socket.setblocking(False)
        self._socket.listen(_QUEUE)
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Answer nobody any more, and break off what is under way."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        if self._current is not None:
            self._current.stop()

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            sock, _ = self._socket.accept()
            task = self._loop.create_task(self._answer(Channel(sock)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, channel: Channel) -> None:
        is_hurried = self._late >= _LATE
        predecessor = Predecessor(channel, self._service, self._listener, is_hurried=is_hurried)
        try:
            outcome = await self._decide(predecessor)
            if outcome is Outcome.HANDED_OVER:
                self._leave(predecessor)  # raises nothing: another serves
            elif outcome is Outcome.REPLACED:
                logger.warning("a successor that could not take over serves in this relay's place")
                self.close()
                self._on_end(None)
        except HandoverFailed as error:
            logger.warning("refused a successor: %s", error)
        except Exception:
            logger.exception("a defect of the relay: it goes on serving")
        finally:
            channel.close()

    async def _decide(self, predecessor: Predecessor) -> Outcome:
        reason = await predecessor.greet()
        if reason is None and self._current is not None:
            reason = "another successor is taking over"
        if reason is not None:
            logger.warning("refused a successor: %s", reason)
            return await predecessor.refuse(reason)
        self._current = predecessor
        try:
            return await predecessor.run()
        finally:
            self._current = None
            self._late = self._late + 1 if predecessor.is_late else 0

    def _leave(self, predecessor: Predecessor) -> None:
        """Never serve again: what has moved is forgotten here, before the loop looks at it."""
        service, roster = self._service, self._service.runtime.roster
        for connection in predecessor.moved:
            roster.clients.pop(connection, None)
        leaving: list[Connection | Gate] = [*predecessor.moved, *service.gates]
        for moved in leaving:
            try:
                moved.detach()
            except Exception:  # of one; the others must not be read by two
                logger.exception("a defect of the relay")
        self._listener.close()
        self.close()
        logger.info(
            "handed over %d connections, frozen for %.0f ms; %d cannot move and are asked to leave",
            len(predecessor.moved),
            predecessor.frozen * 1000,
            predecessor.left,
        )
        self._on_end(predecessor.left)
