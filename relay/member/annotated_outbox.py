"""What an annotated client has still to be sent: data frames, and notes between them.

What a slow reader with `lag=skip` misses is remembered by its place between the entries that wait.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from relay.member.outbox import CHUNK, SKIP_LAG, Outbox
from relay.member.outbox_state import OutboxState
from relay.member.stream import Stream
from relay.room.annotated import annotate, rest, without
from relay.room.batch import Batch, SessionId
from relay.room.log import Cursor, Entry
from relay.room.member import Delivered
from relay.room.room import Room
from relay.wire import notes

_NOTES: Final = 128  # bytes that the notes of an entry take, about: `from` for each author, the end


@dataclass(slots=True)
class LeftOut:
    """Entries that a slow reader misses, one behind the other."""

    offset: int  # of the last of them
    missed: int = 0  # messages of others
    received: int = 0  # its own highest number among them; 0: there is none
    has_changes: bool = False  # who has come or gone


class AnnotatedOutbox(Outbox):
    """An outbox whose client understands notes, and is told of its own messages."""

    __slots__ = ("_left_out", "_receives", "_room", "_session", "is_copy")

    def __init__(
        self,
        stream: Stream,
        session: SessionId,
        limit: int,
        room: Room,
        *,
        echo: bool,
        skips: bool,
        receives: bool,
        state: OutboxState | None = None,
    ) -> None:
        self._room = room
        self._session = session
        self._receives = receives  # others' messages
        self._left_out: deque[LeftOut] = deque()
        self.is_copy = False  # what is being sent was put together for this client alone
        excluded = None if echo else session
        super().__init__(stream, excluded, limit, skips=skips, state=state)

    def snapshot(self) -> OutboxState:
        return replace(super().snapshot(), left_out=tuple(map(_as_values, self._left_out)))

    def greet(self, welcome: bytes, entries: Sequence[Entry], skip: int) -> None:
        """Send the first frame, then these entries without `skip` messages of the first."""
        if self.is_blocked or self._rest:  # by the handshake's answer
            assert isinstance(self._sending, bytes)
            self._rest = memoryview(bytes(self._rest or b"") + welcome)
            self._sending += welcome
        else:
            self._begin(welcome, 0, welcome)
        self.replay(entries, skip)

    def deliver(self, entry: Entry) -> Delivered:
        if not self._is_direct:
            return self._fall_behind(entry) if self.is_open else Delivered.GONE
        batch = entry.batch
        if batch.annotated is None and not batch.notes:
            batch.annotated = annotate(entry, self._room.epoch)  # for all; until it is delivered
        data = self._render(entry, 0)
        if len(data) <= CHUNK:
            if data:
                self._handed += len(data)
                self._stream.write(data)  # may call `block`
                if self.is_blocked:
                    self._sending = (entry,)
                    self.is_copy = not _is_shared(data, batch)
        else:
            self._begin((entry,), 0, data)
            self.is_copy = not _is_shared(data, batch)
            self._write()
        return Delivered.TAKEN if self._receives else Delivered.WITHHELD

    def _fall_behind(self, entry: Entry) -> Delivered:
        if not self._size(entry):
            return Delivered.WITHHELD
        if self._skips and self.lag >= min(SKIP_LAG, self._limit // 2):
            self._leave_out(entry)
            return Delivered.SKIPPED
        outcome = super()._fall_behind(entry)
        return outcome if self._receives or outcome is Delivered.OVERRAN else Delivered.WITHHELD

    def _leave_out(self, entry: Entry) -> None:
        batch = entry.batch
        last = self._left_out[-1] if self._left_out else None
        if last is None or (self._queue and self._queue[-1].offset > last.offset):
            last = LeftOut(entry.offset)
            self._left_out.append(last)
        last.offset = entry.offset
        if self._receives:
            missed = batch.count_without(self.excluded)[0]
            last.missed += missed
            self.skipped += missed
            last.has_changes |= bool(batch.notes)
        last.received = self._own(entry) or last.received

    def _has_backlog(self) -> bool:
        return bool(self._queue or self._left_out)

    def _begin_queued(self, end: float = inf) -> None:
        left_out = self._left_out[0] if self._left_out else None
        if left_out and not (self._queue and self._queue[0].offset < left_out.offset):
            data = self._tell(self._left_out.popleft())
            self._begin(data, 0, data)
        else:
            super()._begin_queued(left_out.offset if left_out else end)

    def _tell(self, left_out: LeftOut) -> bytes:
        """Return what stands in the place of what is left out."""
        cursor = Cursor(self._room.epoch, left_out.offset).text()
        said = [notes.ack(left_out.received)] if left_out.received else []
        missed = left_out.missed
        said.append(notes.gap(missed, cursor) if missed else notes.cursor(cursor))
        if left_out.has_changes:
            said.append(self._room.presence.note())
        return b"".join(said)

    def _begin(self, sending: tuple[Entry, ...] | bytes, skipped: int, data: bytes) -> None:
        self.is_copy = True  # a backlog is rendered again, once for each client
        super()._begin(sending, skipped, data)

    def _size(self, entry: Entry) -> int:
        """Return about how many bytes the entry takes for this client."""
        batch = entry.batch
        if not self._receives:
            return _NOTES if self._session in batch.own else 0
        if batch.notes:
            return len(batch.notes)
        return batch.count_without(self.excluded)[1] + _NOTES * len(batch.spans)

    def _render(self, entry: Entry, skipped: int) -> bytes:
        batch = entry.batch
        if batch.notes:
            return batch.notes if self._receives else b""
        number = self._own(entry)
        form = batch.annotated or annotate(entry, self._room.epoch)
        if not self._receives:
            return notes.ack(number) + form.data[form.end :] if number else b""
        if not number and not skipped:
            return form.data
        ack = notes.ack(number) if number else b""
        if skipped:
            return rest(entry, self._room.epoch, self.excluded, skipped, ack)
        return without(form, self.excluded, ack)

    def _own(self, entry: Entry) -> int:
        """Return the highest number of this session's messages in the entry; 0: there is none."""
        own = entry.batch.own.get(self._session)
        return own.last if own else 0

    def _clear(self) -> None:
        super()._clear()
        self._left_out.clear()

    def _restore(self, state: OutboxState) -> None:
        super()._restore(state)
        self.is_copy = bool(self._rest)
        self._left_out.extend(LeftOut(*values) for values in state.left_out)


def _is_shared(data: bytes, batch: Batch) -> bool:
    """Return whether all members are sent this same object while the entry is delivered."""
    return data is (batch.annotated.data if batch.annotated else batch.notes)


def _as_values(left_out: LeftOut) -> tuple[int, int, int, bool]:
    return left_out.offset, left_out.missed, left_out.received, left_out.has_changes
