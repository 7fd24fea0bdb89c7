"""Where an annotated member goes on: what is told to it at its join's place in the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from relay.room.batch import SessionId
from relay.room.log import Cursor, Entry, Log, last


@dataclass(frozen=True, slots=True)
class Resume:
    """What an annotated client says of its session when it connects."""

    session: str  # its own random ID
    attempt: int = 1  # raised with each connection
    cursor: Cursor | None = None  # the last one that it saw; None: it saw none
    skip: int = 0  # data frames that it received behind it
    acked: int = 0  # messages of its own that it knows to be in the log
    history: int = 0  # messages that it asks for where its cursor does not count


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member begins: `entries` are replayed, without `skip` messages of the first."""

    cursor: Cursor  # before the first frame that follows
    received: int | None  # messages of its session in the log; None: nobody knows
    gap: bool  # what lay between its cursor and this one is no longer held
    entries: Sequence[Entry] = ()
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a newcomer is told: its place, and who is there (JSON) when its join is in the log."""

    place: Place
    members: bytes
    count: int


def find_place(resume: Resume, session: SessionId, log: Log, joined: int) -> Place:
    """Return where this session goes on whose join has the offset `joined`.

    Everything that the log has handed back is in front of it.
    """
    log.expire()  # or it would be dropped between two looks
    cursor = resume.cursor
    if cursor is None or not _holds(log, cursor, joined):
        return _begin(resume, session, log, joined)
    entries = log.read(cursor.offset)
    received = max(resume.acked, _latest_own(entries, session)[1])
    return Place(cursor, received, False, entries, resume.skip)


def _begin(resume: Resume, session: SessionId, log: Log, joined: int) -> Place:
    """Return the place of one that has no cursor, or one that no longer counts.

    Then both sides count on from what was acknowledged. Older messages of its own may have higher
    numbers, so that its cursor must not lie in front of them.
    """
    entries: Sequence[Entry] = ()
    if resume.history:
        entries = log.read(0)
        entries = last(entries[_latest_own(entries, session)[0] :], resume.history)[0]
    offset = entries[0].offset - 1 if entries else joined
    gap = resume.cursor is not None
    return Place(Cursor(log.epoch, offset), None if gap else resume.acked, gap, entries)


def _holds(log: Log, cursor: Cursor, joined: int) -> bool:
    """Whether all messages behind the cursor are held; one beyond the head is of another epoch."""
    return cursor.epoch == log.epoch and log.trimmed <= cursor.offset <= joined


def _latest_own(entries: Sequence[Entry], session: SessionId) -> tuple[int, int]:
    """Return behind how many entries nothing is this session's, and its highest number there."""
    for index in range(len(entries) - 1, -1, -1):
        own = entries[index].batch.own.get(session)
        if own is not None:
            return index + 1, own.last
    return 0, 0
