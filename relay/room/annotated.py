"""What annotated members are sent of an entry: its frames, with notes between them.

It is put together once for all who are sent it at the same time: for each of a hundred slow
readers it would be a hundred times a message of 10 MB. What a session published is left out with
its note, and its acknowledgement comes before the note `cursor`.
"""

from collections.abc import Iterable

from relay.room.batch import Annotated, Run, SessionId, Span
from relay.room.log import Cursor, Entry
from relay.wire import notes
from relay.wire.frames import TEXT, ends, payload_start

_FINAL_TEXT = 0x80 | TEXT
_MARK = notes.MARK[0]


def annotate(entry: Entry, epoch: str) -> Annotated:
    """Return what is sent to a member that published nothing of it."""
    batch, start = entry.batch, 0
    if (form := batch.annotated or batch.form) is not None:
        return form
    pieces: list[bytes] = []
    runs: list[Run] = []
    for span in batch.spans:
        author = notes.from_(span.author.user, entry.at)
        frames = _announced(batch.data[span.start : span.end], span)
        pieces += (author, frames)
        end = start + len(author) + len(frames)
        runs.append(Run(span.author.session, start, end))
        start = end
    pieces.append(notes.cursor(Cursor(epoch, entry.offset).text()))
    return batch.annotate(b"".join(pieces), start, tuple(runs))


def without(form: Annotated, session: SessionId | None, ack: bytes) -> bytes:
    """Return it without what this session published, and with its acknowledgement."""
    view, pieces, position = memoryview(form.data), [], 0
    for run in form.runs:
        if run.session == session:
            pieces.append(view[position : run.start])
            position = run.end
    return b"".join((*pieces, view[position : form.end], ack, view[form.end :]))


def rest(entry: Entry, epoch: str, session: SessionId | None, count: int, ack: bytes) -> bytes:
    """Return it without the first `count` data frames that are not this session's."""
    pieces: list[bytes] = []
    for span, frames in entry.batch.spans_behind(session, count):
        pieces += (notes.from_(span.author.user, entry.at), _announced(frames, span))
    return b"".join((*pieces, ack, notes.cursor(Cursor(epoch, entry.offset).text())))


def _announced(frames: bytes, span: Span) -> bytes:
    """Return frames of a span; a message that looks like a note is announced as data."""
    return b"".join(_announcing(frames)) if span.has_marked else frames


def _announcing(frames: bytes) -> Iterable[bytes]:
    start = 0
    for end in ends(frames):
        payload = payload_start(frames, start)
        if frames[start] == _FINAL_TEXT and payload < end and frames[payload] == _MARK:
            yield notes.DATA
        yield frames[start:end]
        start = end
