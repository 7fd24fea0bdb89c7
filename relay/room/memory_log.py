"""The embedded log: in this process, and at once."""

import secrets
from typing import Final

from relay.room.batch import MAX_BATCH, Batch
from relay.room.log import Entry, LogState, OnEntry
from relay.room.tail import Retention, Tail


class MemoryLog(Tail):
    """A room's log in memory; a new one unless it goes on from a `state`."""

    available: Final = True
    is_shared: Final = False
    most: Final = MAX_BATCH
    first_number: Final = 0

    def __init__(
        self, on_entry: OnEntry, retention: Retention, state: LogState | None = None
    ) -> None:
        super().__init__(retention)
        self._on_entry = on_entry
        self.epoch = secrets.token_hex(6)
        self.head = 0
        if state is not None:
            self.epoch, self.head, self.trimmed = state.epoch, state.head, state.trimmed
            self.keep_all(state.entries)

    @property
    def is_empty(self) -> bool:
        return not self.entries

    def snapshot(self) -> LogState:
        return LogState(self.epoch, self.head, tuple(self.entries), self.trimmed)

    def append(self, batch: Batch) -> None:
        self.head += 1
        entry = Entry(self.head, int(self._retention.clock() * 1000), batch)
        if batch.messages:
            self.keep(entry)
        self._on_entry(entry)
