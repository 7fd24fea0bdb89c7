"""A batch: what was published to one room in one pass of the event loop, joined into one buffer.

It is a value: it names its authors and holds none of them, so that it can be logged, queued, sent
to another process and read back. Who has come and gone is told by batches of their own, which
hold `changes` and no message.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, NewType
from weakref import ref

from relay.account import Account
from relay.names import UserName
from relay.wire.frames import skip

MAX_BATCH: Final = 256 * 1024  # bytes; a batch ends here or after one message, whichever is more

SessionId = NewType("SessionId", str)


class Author(NamedTuple):
    """Who published: a user (None: by `POST`) in one session."""

    user: UserName | None
    session: SessionId


class Piece(NamedTuple):
    """Whole frames of `messages` messages that one author published together."""

    author: Author
    first: int  # number of its first message among all of this session, from 1
    data: bytes
    messages: int
    has_marked: bool = False  # text that begins with U+0000 may be among them


class Span(NamedTuple):
    """Which bytes of a batch are whose."""

    author: Author
    first: int
    start: int
    end: int
    messages: int
    has_marked: bool = False  # text that begins with U+0000 may be among them


ANYBODY: Final = SessionId("*")  # no session is called that


class Change(NamedTuple):
    """A session has come, or is gone; `attempt` tells the connections of one session apart."""

    user: UserName
    session: SessionId
    attempt: int  # 0: a raw session, which has one connection
    is_join: bool
    over: SessionId | None = None  # at another relay, whose name it may take; None: nobody's


class Own(NamedTuple):
    """What one session published in a batch."""

    messages: int
    size: int  # bytes
    spans: tuple[Span, ...]

    @property
    def last(self) -> int:
        """Number of its last message among all of this session."""
        return self.spans[-1].first + self.spans[-1].messages - 1


class Run(NamedTuple):
    """Which bytes are of one session, its note `from` included."""

    session: SessionId
    start: int
    end: int


class Annotated:
    """What annotated members are sent of an entry; the note `cursor` stands behind `end`.

    It counts itself in the account for as long as the batch or an outbox refers to it.
    """

    __slots__ = ("__weakref__", "_account", "data", "end", "runs")

    def __init__(self, data: bytes, end: int, runs: tuple[Run, ...], account: Account) -> None:
        self.data = data
        self.end = end
        self.runs = runs
        self._account = account
        account.forms += len(data)

    def __del__(self) -> None:
        self._account.forms -= len(self.data)


class Batch:
    """Pieces, joined: whole frames of `messages` messages; `own` has the part of each session.

    `relay` and `number` name it among all batches: each relay numbers those of each room. It counts
    itself in the account for as long as anything refers to it.

    `notes` is what annotated members are told of its `changes`; the room that delivers it knows
    that. `annotated` is what they are sent of its messages, while it is being delivered; `form`
    finds it for as long as it is still being sent to one of them.
    """

    __slots__ = (
        "_account",
        "_form",
        "annotated",
        "changes",
        "data",
        "messages",
        "notes",
        "number",
        "own",
        "relay",
        "spans",
    )

    def __init__(
        self,
        data: bytes,
        spans: tuple[Span, ...],
        relay: str,
        number: int,
        account: Account,
        changes: tuple[Change, ...] = (),
    ) -> None:
        self.data = data
        self.spans = spans
        self.relay = relay
        self.number = number
        self.changes = changes
        self.notes = b""
        self.annotated: Annotated | None = None
        self._form: ref[Annotated] | None = None
        self._account = account
        account.batches += len(data)
        account.count += 1
        self.own: dict[SessionId | None, Own]
        if len(spans) == 1:
            self.messages = spans[0].messages
            self.own = {spans[0].author.session: Own(self.messages, len(data), spans)}
        else:
            self.messages = sum([span.messages for span in spans])
            self.own = _parts(spans)

    def __del__(self) -> None:
        self._account.batches -= self.size
        self._account.count -= 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Batch) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.relay, self.number))

    @property
    def form(self) -> Annotated | None:
        """What is sent to annotated members, where there is one of them who is still sent it."""
        return self._form() if self._form is not None else None

    def annotate(self, data: bytes, end: int, runs: tuple[Run, ...]) -> Annotated:
        """Return what is sent to annotated members, from now on one object for all of them."""
        form = Annotated(data, end, runs, self._account)
        self._form = ref(form)
        return form

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.data) + len(self.notes)

    def tell(self, notes: bytes) -> None:
        """Hold what annotated members are told of its changes."""
        self.notes = notes
        self._account.batches += len(notes)

    def without(self, session: SessionId | None) -> bytes:
        """Return the frames that others published."""
        own = self.own.get(session)
        if own is None:
            return self.data
        if own.messages == self.messages:
            return b""
        view, pieces, position = memoryview(self.data), [], 0
        for _, _, start, end, _, _ in own.spans:
            pieces.append(view[position:start])
            position = end
        pieces.append(view[position:])
        return b"".join(pieces)

    def behind(self, session: SessionId | None, count: int) -> bytes:
        """Return the frames that others published, without the first so many."""
        return b"".join(frames for _, frames in self.spans_behind(session, count))

    def spans_behind(self, session: SessionId | None, count: int) -> Iterator[tuple[Span, bytes]]:
        """Yield the spans that others published and their frames, without the first so many.

        There may be a hundred thousand, of which those of a span are walked over at once.
        """
        for span in self.spans:
            if span.author.session == session:
                continue
            skipped = min(count, span.messages)
            count -= skipped
            if skipped < span.messages:
                yield span, skip(self.data[span.start : span.end], skipped)

    def count_without(self, session: SessionId | None) -> tuple[int, int]:
        """Return how many messages others published, and the bytes of their frames."""
        own = self.own.get(session)
        if own is None:
            return self.messages, len(self.data)
        return self.messages - own.messages, len(self.data) - own.size

    def _key(self) -> tuple[object, ...]:
        return self.relay, self.number, self.data, self.spans, self.changes, self.notes


def join(pieces: list[Piece], relay: str, number: int, account: Account) -> Batch:
    """Return the pieces as one batch; a single one, the common case, costs no copy."""
    if len(pieces) == 1:
        author, first, data, messages, has_marked = pieces[0]
        spans: tuple[Span, ...] = (Span(author, first, 0, len(data), messages, has_marked),)
        return Batch(data, spans, relay, number, account)
    return Batch(
        b"".join([piece.data for piece in pieces]), tuple(_spans(pieces)), relay, number, account
    )


def separate(batch: Batch) -> list[Piece]:
    """Return the pieces that a batch was joined from."""
    return [
        Piece(author, first, batch.data[start:end], messages, has_marked)
        for author, first, start, end, messages, has_marked in batch.spans
    ]


def _parts(spans: tuple[Span, ...]) -> dict[SessionId | None, Own]:
    found: dict[SessionId | None, Own] = {}
    for span in spans:
        session, size = span.author.session, span.end - span.start
        own = found.get(session)
        found[session] = (
            Own(span.messages, size, (span,))
            if own is None
            else Own(own.messages + span.messages, own.size + size, (*own.spans, span))
        )
    return found


def _spans(pieces: list[Piece]) -> Iterable[Span]:
    start = 0
    for author, first, data, messages, has_marked in pieces:
        end = start + len(data)
        yield Span(author, first, start, end, messages, has_marked)
        start = end
