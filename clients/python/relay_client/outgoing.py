"""Messages of one's own that the relay does not hold yet, in their order."""

from asyncio import Future, get_running_loop
from collections import deque
from typing import Final, NamedTuple

from relay_client.errors import Fate, Undelivered

COST: Final = 64  # bytes that a message counts beside its own: also empty ones take memory


class Waiting(NamedTuple):
    """A message, what it counts in bytes, and the promise that the relay holds it."""

    data: str | bytes
    size: int
    delivered: Future[None]


class Outgoing:
    """The first `sent` messages may have arrived, those behind have not."""

    def __init__(self) -> None:
        self.size = 0  # bytes, and `COST` for each message
        self.sent = 0  # messages
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> list[Future[None]]:
        """The promises that are not kept yet."""
        return [waiting.delivered for waiting in self._waiting]

    def add(self, data: str | bytes, size: int) -> Future[None]:
        """Keep a message that counts `size` bytes; the future is done when the relay has it."""
        future: Future[None] = get_running_loop().create_future()
        future.add_done_callback(_retrieve)
        self._waiting.append(Waiting(data, size, future))
        self.size += size
        return future

    def take(self) -> str | bytes | None:
        """Return the next message to send, which counts as sent from now on; None: all are."""
        if self.sent == len(self._waiting):
            return None
        self.sent += 1
        return self._waiting[self.sent - 1].data

    def settle(self, count: int) -> None:
        """The relay has the first so many."""
        for _ in range(min(count, len(self._waiting))):
            future = self._remove()
            if not future.done():  # whoever waited may have been cancelled
                future.set_result(None)
        self.sent = max(0, self.sent - count)

    def doubt(self, reason: str) -> None:
        """Nobody knows what became of those that were sent."""
        for _ in range(self.sent):
            self._fail(Fate.UNKNOWN, reason)
        self.sent = 0

    def abandon(self, reason: str) -> None:
        """Nothing will be sent any more."""
        self.doubt(reason)
        while self._waiting:
            self._fail(Fate.UNSENT, reason)

    def _fail(self, fate: Fate, reason: str) -> None:
        future = self._remove()
        if not future.done():
            future.set_exception(Undelivered(fate, reason))

    def _remove(self) -> Future[None]:
        waiting = self._waiting.popleft()
        self.size -= waiting.size
        return waiting.delivered


def _retrieve(future: Future[None]) -> None:
    """Whoever does not wait for it need not hear of it."""
    if not future.cancelled():
        future.exception()
