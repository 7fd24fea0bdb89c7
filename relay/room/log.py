"""The log of a room: it decides the order of batches, and keeps the latest for newcomers."""

from collections.abc import Callable
from typing import Protocol

from relay.names import RoomName
from relay.room.batch import Batch

Deliver = Callable[[int, Batch], None]


class Log(Protocol):
    """The contract: what is appended comes back once, by `deliver(offset, batch)`, in log order."""

    def append(self, batch: Batch) -> None:
        """Append the batch; it is delivered at once or later, with its offset."""

    def last(self, count: int) -> list[bytes]:
        """Return the frames of the last `count` messages that the log still holds, oldest first."""

    def expire(self) -> None:
        """Drop what is older than the log keeps."""

    @property
    def is_empty(self) -> bool:
        """Whether the log holds nothing that a newcomer could ask for."""


OpenLog = Callable[[RoomName, Deliver], Log]
