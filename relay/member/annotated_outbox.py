"""What an annotated client has still to be sent: data frames, and notes between them.

What a slow reader with `lag=skip` misses is remembered by its place between the entries that wait.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from relay.account import Account
from relay.member.outbox import SKIP_LAG, Outbox
from relay.member.outbox_state import OutboxState
from relay.member.sending import CHUNK, COPY
from relay.member.stream import Stream
from relay.room.annotated import annotate, rest, without
from relay.room.batch import Annotated, Batch, SessionId
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

    __slots__ = ("_form", "_left_out", "_receives", "_room", "_session")

    def __init__(
        self,
        stream: Stream,
        session: SessionId,
        limit: int,
        account: Account,
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
        self._form: Annotated | None = None  # what is being sent, where others are sent it, too
        excluded = None if echo else session
        super().__init__(stream, excluded, limit, account, skips=skips, state=state)

    def snapshot(self) -> OutboxState:
        return replace(super().snapshot(), left_out=tuple(map(_as_values, self._left_out)))

    def greet(self, welcome: bytes, entries: Sequence[Entry], skip: int) -> None:
        """Send the first frame, then these entries without `skip` messages of the first."""
        if self.is_blocked or self.sending.left:  # by the handshake's answer
            self.sending.append(welcome)
        else:
            self._begin(welcome, 0, welcome)
        self.replay(entries, skip)

    def deliver(self, entry: Entry) -> Delivered:
        if not self._is_direct:
            return self._fall_behind(entry) if self.is_open else Delivered.GONE
        batch = entry.batch
        if batch.annotated is None and not batch.notes:
            batch.annotated = annotate(entry, self._room.epoch)  # for all, until it is delivered
        data = self._render(entry, 0)
        size = len(data)
        if size <= COPY or size <= (CHUNK if _is_shared(data, batch) else self.sending.most):
            if data:
                self._handed += size
                self._stream.write(data)  # may call `block`
                if self.is_blocked:
                    self._share(data, batch, batch.annotated)
                    self.sending.note(entry, size, is_copy=not _is_shared(data, batch))
        else:
            self._begin((entry,), 0, data)
            self._share(data, batch, batch.annotated)
            self._write()
        if not self._receives:
            return Delivered.WITHHELD
        return Delivered.REST if self.excluded in batch.own else Delivered.TAKEN

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

    def abandon(self) -> None:
        super().abandon()
        self._form = None

    def _write(self) -> None:
        super()._write()
        if not self.is_blocked:
            self._form = None

    def _join(self, entries: Sequence[Entry], skipped: int) -> bytes:
        batch = entries[0].batch
        if len(entries) > 1 or skipped or batch.notes or not self._receives:
            return super()._join(entries, skipped)
        form = annotate(entries[0], self._room.epoch)  # is there when it is rendered
        data = super()._join(entries, skipped)
        self._share(data, batch, form)
        return data

    def _begin(self, sending: tuple[Entry, ...] | bytes, skipped: int, data: bytes) -> None:
        if self._form is not None and self._form.data is not data:
            self._form = None
        super()._begin(sending, skipped, data)
        self.sending.is_copy = self._form is None

    def _share(self, data: bytes, batch: Batch, form: Annotated | None) -> None:
        """Keep the form that is being sent: it counts, and others who are sent it find it."""
        self._form = form if form is not None and data is form.data else None
        self.sending.is_copy = not _is_shared(data, batch)

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
        self._left_out.extend(LeftOut(*values) for values in state.left_out)


def _is_shared(data: bytes, batch: Batch) -> bool:
    """Return whether others are sent this same object, too."""
    form = batch.annotated or batch.form
    return data is batch.notes or (form is not None and data is form.data)


def _as_values(left_out: LeftOut) -> tuple[int, int, int, bool]:
    return left_out.offset, left_out.missed, left_out.received, left_out.has_changes
