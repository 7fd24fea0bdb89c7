"""Clients that stay: each comes back as soon as it is told to leave, and keeps an account of it."""

import asyncio
import random
import ssl
import time
from collections import Counter
from types import TracebackType
from typing import Final, Self

import aiohttp

_JITTER: Final = 0.1  # seconds before a client comes back, at the most
_PATIENCE: Final = 30.0  # seconds for the whole swarm to be in


class Swarm:
    """`size` members of one room through Caddy; `await back()` once all are in again.

    `failed` counts handshakes that were not answered by 101, by reason; `closes` the close codes
    received (1006: none); `gaps` the seconds between a close and the next handshake's end.
    """

    def __init__(self, address: str, url: str, size: int, tls: ssl.SSLContext | None) -> None:
        self.failed: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.gaps: list[float] = []
        self.joined = 0
        self._url = url
        self._size = size
        self._tls = tls
        self._changed = asyncio.Condition()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=_Everywhere(address))
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._member(number)) for number in range(self._size)]
        await self.back()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def back(self, moves: int = 0) -> None:
        """Wait until everybody is in, after so many returns in all."""
        async with asyncio.timeout(_PATIENCE), self._changed:
            await self._changed.wait_for(
                lambda: self.joined == self._size and len(self.gaps) >= moves
            )

    async def _member(self, number: int) -> None:
        left: float | None = None
        while True:
            try:
                socket = await self._session.ws_connect(
                    f"{self._url}/ws/member-{number}?room=swarm", ssl=self._tls or True
                )
            except (aiohttp.ClientError, OSError) as error:
                self.failed[repr(error)] += 1
                await asyncio.sleep(_JITTER)
                continue
            if left is not None:
                self.gaps.append(time.monotonic() - left)
            await self._count(+1)
            try:
                async for _ in socket:
                    pass
            finally:
                left = time.monotonic()
                await self._count(-1)
            self.closes[socket.close_code or 1006] += 1
            await asyncio.sleep(random.uniform(0, _JITTER))

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.joined += change
            self._changed.notify_all()


class _Everywhere(aiohttp.abc.AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            {
                "hostname": host,
                "host": self._address,
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        pass
