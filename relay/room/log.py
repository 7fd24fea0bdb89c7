"""The log of a room: it decides the order of batches, and keeps the latest for newcomers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from relay.names import RoomName
from relay.room.batch import Batch


class Entry(NamedTuple):
    """A batch with its place in a room's log."""

    offset: int  # from 1, growing
    at: int  # when the log took it, in milliseconds since 1970
    batch: Batch


class Cursor(NamedTuple):
    """A position in a room's log: everything up to this offset, in this life of the log."""

    epoch: str
    offset: int


OnEntry = Callable[[Entry], None]


@dataclass(frozen=True, slots=True)
class LogState:
    """All that there is to know of a log, as values; `entries` are those that it holds."""

    epoch: str
    head: int
    entries: tuple[Entry, ...]


class Log(Protocol):
    """The contract: what is appended comes back once, by `on_entry`, in log order.

    It comes back at once or later, and perhaps never: `append` promises nothing.
    """

    @property
    def epoch(self) -> str:
        """The name of this life of the log: offsets of another life mean nothing here."""

    @property
    def head(self) -> int:
        """Offset of the last entry that was handed back; 0 before the first."""

    @property
    def available(self) -> bool:
        """Whether it takes batches now."""

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing that a newcomer could ask for."""

    def append(self, batch: Batch) -> None:
        """Take the batch, to hand it back by `on_entry`."""

    def read(self, after: int) -> Sequence[Entry]:
        """Return the entries behind this offset that it still holds, oldest first."""

    def snapshot(self) -> LogState:
        """Return its state, for another to go on from."""

    def expire(self) -> None:
        """Drop what is older than it keeps."""

    def close(self) -> None:
        """Nobody is interested any more: hand nothing back, hold nothing."""


OpenLog = Callable[[RoomName, OnEntry, LogState | None], Log]
"""Opens the log of a room: a new one, or one that goes on from a state."""


def last(entries: Sequence[Entry], messages: int) -> tuple[Sequence[Entry], int]:
    """Return the entries with the last so many messages, and how many of the first to skip."""
    for index in range(len(entries) - 1, -1, -1):
        messages -= entries[index].batch.messages
        if messages <= 0:
            return entries[index:], -messages
    return entries, 0
