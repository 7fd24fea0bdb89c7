"""The log of a room: it decides the order of batches, and keeps the latest for newcomers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from relay.names import RoomName
from relay.room.batch import Batch
from relay.room.presence import PresenceState

_CURSOR: Final = re.compile(r"([0-9A-Za-z]{1,32})-(0|[1-9][0-9]{0,14})", re.ASCII)


class Entry(NamedTuple):
    """A batch with its place in a room's log."""

    offset: int  # from 1, growing
    at: int  # when the log took it, in milliseconds since 1970
    batch: Batch


class Cursor(NamedTuple):
    """A position in a room's log: everything up to this offset, in this life of the log."""

    epoch: str
    offset: int

    def text(self) -> str:
        """Return it as `parse_cursor` reads it."""
        return f"{self.epoch}-{self.offset}"


def parse_cursor(text: str) -> Cursor | None:
    """Return the cursor that somebody was given as this text; None if it is none."""
    found = _CURSOR.fullmatch(text)
    return Cursor(found[1], int(found[2])) if found else None


OnEntry = Callable[[Entry], None]


class Follower(Protocol):
    """A room, as its log sees it: it is told what has its place."""

    def on_entry(self, entry: Entry) -> None:
        """Take the next entry."""

    def on_refusal(self, batch: Batch) -> None:
        """Others' entries have come before, and this batch has no place: append again."""

    def on_begin(self, entry: Entry) -> None:
        """No relay knew who is here when this entry was appended: say again who is."""

    def on_state(self, state: PresenceState) -> None:
        """The log has been opened: these were here."""

    def who(self) -> PresenceState:
        """Return who is here."""

    def on_away(self) -> None:
        """Nothing can be appended for now."""

    def on_return(self) -> None:
        """Batches can be appended again."""


@dataclass(frozen=True, slots=True)
class LogState:
    """All that there is to know of a log, as values; `entries` are those that it holds."""

    epoch: str
    head: int
    entries: tuple[Entry, ...]
    trimmed: int = 0


class Log(Protocol):
    """The contract: what is appended comes back once, by `on_entry`, in log order.

    It comes back at once or later. A room appends one batch at a time, and the next one when that
    has come back: so it has delivered everything before, and knows who may no longer publish.
    Batches of changes take a place like others; they need not be kept.

    A log that others append to as well (`is_shared`) hands back their entries, too. Where one of
    those comes first, it refuses the batch (`on_refusal`): what it said may no longer be true. A
    batch is neither changed nor appended again before it has come back, or has been refused.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other relays append to it."""

    @property
    def most(self) -> int:
        """Bytes that a batch may take, unless it is one message."""

    @property
    def epoch(self) -> str:
        """The name of this life of the log: offsets of another life mean nothing here."""

    @property
    def first_number(self) -> int:
        """The number behind which a room begins to number its batches."""

    @property
    def head(self) -> int:
        """Offset of the last entry that was handed back; 0 before the first."""

    @property
    def trimmed(self) -> int:
        """Offset up to which messages may be missing: all that came behind it are held."""

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
        """The room is forgotten: hand nothing back, hold nothing."""


OpenLog = Callable[[RoomName, Follower, LogState | None], Log]
"""Opens the log of a room: a new one, or one that goes on from a state."""


def last(entries: Sequence[Entry], messages: int) -> tuple[Sequence[Entry], int]:
    """Return the entries that hold the last messages, and how many of the first to skip."""
    for index in range(len(entries) - 1, -1, -1):
        messages -= entries[index].batch.messages
        if messages <= 0:
            return entries[index:], -messages
    return entries, 0
