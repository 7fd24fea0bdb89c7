"""A network between clients and a relay: it can be cut, stall, and trickle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

_CHUNK = 64 * 1024  # bytes


class Proxy:
    """Passes bytes on, both ways; `port` is where it listens."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self._target = target
        self._random = Random(seed)
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_trickle = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._until_cut: int | None = None  # bytes
        self.port = 0
        self.cuts = 0
        self.passed = 0  # bytes, both ways
        self.moved = asyncio.Event()  # set with each of them

    @classmethod
    @asynccontextmanager
    async def open(cls, target: int, seed: int = 0) -> AsyncIterator["Proxy"]:
        """Stand between its port and the target's."""
        proxy = cls(target, seed)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.flow()
            proxy.cut()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def flow(self) -> None:
        """Pass everything on, at once."""
        self._is_trickle = False
        self._flows.set()

    def stall(self) -> None:
        """Pass nothing on; connections stay, and new ones come to nothing."""
        self._flows.clear()

    def trickle(self) -> None:
        """Pass on a few bytes at a time."""
        self._is_trickle = True
        self._flows.set()

    def cut(self) -> None:
        """Cut every connection, wherever it is; what is on its way is gone."""
        self.cuts += 1
        self._until_cut = None
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def cut_soon(self, most: int = 2_000) -> None:
        """Cut after some more bytes: in the middle of a frame, most likely."""
        self._until_cut = self._random.randrange(1, most)

    @property
    def _size(self) -> int:
        return self._random.randrange(1, 8) if self._is_trickle else _CHUNK

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(forth)
        ways = [
            asyncio.create_task(self._pass(reader, forth)),
            asyncio.create_task(self._pass(back, writer)),
        ]
        await asyncio.wait(ways)
        for each in (writer, forth):
            self._writers.discard(each)
            each.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(self._size):
                await self._flows.wait()
                if self._until_cut is not None:
                    self._until_cut -= len(data)
                    if self._until_cut < 0:
                        sink.write(data[: self._until_cut])
                        self.cut()
                        return
                sink.write(data)
                self.passed += len(data)
                self.moved.set()
                await sink.drain()
            sink.write_eof()
