"""A batch as one message of JetStream: a mark, the size of a head, the head in JSON, the frames."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import orjson

from relay.account import Account
from relay.names import UserName
from relay.room.batch import Author, Batch, Change, SessionId, Span

_MARK: Final = b"R1"  # of this format
_SIZE: Final = 4  # bytes of the head's size, big-endian
HEAD: Final = 512  # bytes of an entry at most, beside its frames and `PART` for each span or change


class BadEntry(ValueError):
    """It is no entry of ours."""


class StoredEntry(NamedTuple):
    """An entry as the stream holds it; `previous` is the sequence before it in its subject."""

    relay: str
    number: int
    at: int  # milliseconds since 1970, by the clock of the relay that appended it
    previous: int
    is_begin: bool  # no relay knew who was in the room: all tell it again
    spans: Sequence[Any]
    changes: Sequence[Any]
    data: bytes

    def batch(self, account: Account) -> Batch:
        """Return the batch that it holds; raise `BadEntry` if it is none."""
        try:
            spans = tuple(_spans(self.spans, len(self.data)))
            changes = tuple(map(_change, self.changes))
        except (ValueError, TypeError) as error:
            raise BadEntry(str(error)) from None
        if bool(spans) + bool(changes) + self.is_begin != 1:
            raise BadEntry("it holds nothing, or more than one kind of thing")
        return Batch(self.data, spans, self.relay, self.number, account, changes)


def pack(batch: Batch, at: int, previous: int, *, is_begin: bool = False) -> bytes:
    """Return what the stream holds of a batch that is appended behind `previous`."""
    head = orjson.dumps(
        [
            batch.relay,
            batch.number,
            at,
            previous,
            is_begin,
            [
                (*span.author, span.first, span.end, span.messages, span.has_marked)
                for span in batch.spans
            ],
            [tuple(change) for change in batch.changes],
        ]
    )
    return b"".join((_MARK, len(head).to_bytes(_SIZE, "big"), head, batch.data))


def read(data: bytes) -> StoredEntry:
    """Return what `pack` has written; raise `BadEntry` for anything else."""
    if data[: len(_MARK)] != _MARK:
        raise BadEntry("it has not the mark of an entry")
    start = len(_MARK) + _SIZE
    end = start + int.from_bytes(data[len(_MARK) : start], "big")
    try:
        relay, number, at, previous, is_begin, spans, changes = orjson.loads(data[start:end])
    except (ValueError, TypeError) as error:
        raise BadEntry(str(error)) from None
    if not (
        isinstance(relay, str)
        and all(type(value) is int for value in (number, at, previous))
        and isinstance(spans, list)
        and isinstance(changes, list)
    ):
        raise BadEntry("its head has other fields")
    return StoredEntry(relay, number, at, previous, bool(is_begin), spans, changes, data[end:])


def entries(
    messages: Iterable[tuple[int, bytes]], account: Account
) -> Sequence[tuple[int, StoredEntry]]:
    """Return sequence and content of the entries among the messages of a subject, in their order.

    Messages that are not entries are left out, and entries that do not follow the message that they
    name. What lies before the first is not known, so what it names is believed.
    """
    found, last = [], 0
    for sequence, data in messages:
        with suppress(BadEntry):
            stored = read(data)
            stored.batch(account)
            if stored.previous >= last:
                found.append((sequence, stored))
        last = sequence
    return found


def _spans(records: Sequence[Any], size: int) -> Sequence[Span]:
    """Return the spans that lie one behind the other in so many bytes."""
    found, start = [], 0
    for user, session, first, end, messages, has_marked in records:
        if not (
            start < end <= size
            and (user is None or isinstance(user, str))
            and isinstance(session, str)
            and all(type(value) is int and value > 0 for value in (first, end, messages))
        ):
            raise BadEntry("its spans are not those of its frames")
        name = None if user is None else UserName(user)
        author = Author(name, SessionId(session))
        found.append(Span(author, first, start, end, messages, bool(has_marked)))
        start = end
    if start != size:
        raise BadEntry("its spans are not those of its frames")
    return found


def _change(record: Sequence[Any]) -> Change:
    user, session, attempt, is_join, over = record
    is_text = isinstance(user, str) and isinstance(session, str)
    if not (is_text and type(attempt) is int and (over is None or isinstance(over, str))):
        raise BadEntry("its changes are not of sessions")
    by = None if over is None else SessionId(over)
    return Change(UserName(user), SessionId(session), attempt, bool(is_join), by)
