"""One WebSocket, from its handshake to its end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from relay_client.outgoing import Outgoing
from relay_client.session import MARK, PING, Raw, Session

SILENCE: Final = 15.0  # seconds after which the relay is asked whether the connection lives
ANSWER: Final = 5.0  # seconds for its answer, or any other frame
_LOST: Final = 1006  # no close frame came


class Lost(Exception):
    """The connection is over: with this close code, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Link:
    """Reads and writes one connection, and asks whether it lives."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        session: Session | Raw,
        outgoing: Outgoing,
        take: Callable[[str | bytes], Awaitable[None]],
    ) -> None:
        """`take` gets each frame; nothing is read while it has not returned."""
        self._socket = socket
        self._session = session
        self._outgoing = outgoing
        self._take = take
        self._is_heard = asyncio.Event()
        self._is_reading = True
        self._unsent = asyncio.Event()
        self._writer_task: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Read until it is over; raises `Lost`."""
        pulse_task = asyncio.create_task(self._watch())
        reader_task = asyncio.create_task(self._read())
        tasks: list[asyncio.Task[None]] = [pulse_task, reader_task]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            if self._writer_task is not None:
                tasks.append(self._writer_task)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self) -> None:
        """The client is welcome: send what waits."""
        self._writer_task = asyncio.create_task(self._write())

    def wake(self) -> None:
        """There is something to send."""
        self._unsent.set()

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            self._is_heard.set()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._is_reading = False
                await self._take(message.data)
                self._is_reading = True
            elif message.type is aiohttp.WSMsgType.CLOSE:
                raise Lost(int(message.data), message.extra or f"closed with {message.data}")
            else:
                raise Lost(_LOST, "connection lost")

    async def _write(self) -> None:
        while True:
            self._unsent.clear()
            while (data := self._outgoing.take()) is not None:
                for frame in self._session.frames(data):
                    await self._put(frame)
                if self._session.is_raw:
                    self._outgoing.settle(1)  # there is no more to be known of it
            await self._unsent.wait()

    async def renew(self, token: str) -> None:
        """Give the relay a fresh token."""
        await self._put(MARK + json.dumps({"type": "token", "token": token}))

    async def _put(self, frame: str | bytes) -> None:
        try:
            if isinstance(frame, str):
                await self._socket.send_str(frame)
            else:
                await self._socket.send_bytes(frame)
        except (aiohttp.ClientError, OSError):
            return  # the reader learns why: it may still find the relay's close frame

    async def _watch(self) -> None:
        """Raise `Lost` when the connection does not live; it is told by nothing else."""
        while True:
            self._is_heard.clear()
            await asyncio.sleep(SILENCE)
            if self._is_heard.is_set() or not self._is_reading or self._session.is_raw:
                continue
            ping_task = asyncio.create_task(self._put(PING))  # it blocks where nothing is taken
            try:
                async with asyncio.timeout(ANSWER):
                    await self._is_heard.wait()
            except TimeoutError:
                raise Lost(_LOST, "the connection is silent") from None
            finally:
                ping_task.cancel()
