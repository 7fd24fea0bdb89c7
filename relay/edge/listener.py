"""The loop that accepts connections on listening sockets.

asyncio's own server accepts as many connections in one pass of the event loop as its kernel queue
is long, so that a burst of short connections fills memory before any of them is looked at. And it
cannot stop accepting for a while: closing it is final.
"""

import asyncio
import errno
import logging
import select
import socket
from collections.abc import Callable, Sequence
from typing import Final

logger = logging.getLogger("relay")

QUEUE: Final = 4096  # connections that may wait in the kernel
BATCH: Final = 16  # connections accepted in one pass of the event loop
PAUSE: Final = 1.0  # seconds without accepting, when there is no file or memory left for one

_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

Factory = Callable[[], asyncio.BaseProtocol]


class Listener:
    """Accepts connections and gives each a protocol made by `factory`."""

    def __init__(self, sockets: Sequence[socket.socket], factory: Factory) -> None:
        self.sockets = tuple(sockets)
        self._factory = factory
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[object]] = set()

    def start(self) -> None:
        """Begin to accept, or go on after `pause`."""
        for sock in self.sockets:
            sock.setblocking(False)
            sock.listen(QUEUE)
            self._loop.add_reader(sock, self._accept, sock)

    def pause(self) -> None:
        """Accept nothing more; connections wait in the kernel until `start`."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        for sock in self.sockets:
            self._loop.remove_reader(sock)

    async def finish_accepting(self) -> None:
        """Pause, and wait until each connection that was accepted has its protocol."""
        self.pause()
        while self._connecting:
            await asyncio.wait(self._connecting)

    @property
    def is_waited_for(self) -> bool:
        """Whether a connection waits in the kernel to be accepted."""
        poll = select.poll()
        for sock in self.sockets:
            poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Accept nothing more; the kernel refuses new connections."""
        self.pause()
        for sock in self.sockets:
            sock.close()
        self.sockets = ()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                logger.error(
                    "cannot accept connections: %s; trying again in %g s",
                    (error.strerror or str(error)).lower(),
                    PAUSE,
                )
                self.pause()
                self._retry = self._loop.call_later(PAUSE, self.start)
                return
            sock.setblocking(False)
            task = self._loop.create_task(self._connect(sock))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, sock)
        except OSError:  # the client has gone again
            sock.close()
