"""Answers that cost something to make: once for all who ask, and then kept for half a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LIFETIME: Final = 0.5  # seconds for which an answer counts


class Cached(Generic[T]):
    """An answer that is made once for all who ask at the same time, and kept for a while."""

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        self._make = make
        self._task: asyncio.Future[T] | None = None
        self._until = 0.0  # of the event loop's clock

    @property
    def is_fresh(self) -> bool:
        return self._until > asyncio.get_running_loop().time()

    async def get(self) -> T:
        """Return the answer, at most half a second old."""
        if self._task is None or (self._task.done() and not self.is_fresh):
            self._task = asyncio.ensure_future(self._run())
        return await asyncio.shield(self._task)

    async def _run(self) -> T:
        answer = await self._make()
        self._until = asyncio.get_running_loop().time() + LIFETIME
        return answer
