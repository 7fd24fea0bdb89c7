"""What a room has still to append to its log: who has come and gone, then what was published."""

from collections.abc import Sequence
from typing import Final

from relay.account import Account
from relay.room.batch import MAX_BATCH, Batch, Change, Piece, SessionId, join
from relay.room.delivery import Credits
from relay.room.member import Member, Publisher
from relay.wire.frames import skip

Newcomers = Sequence[Member | None]

# Bytes that a log may need at most to name an author, or who has come or gone: two names of 128
# bytes may be escaped by JSON, and a session has a name in it.
PART: Final = 768


class Pending:
    """`pieces` with their publishers, and `changes` with the members that have come.

    `size` is that of all pieces in bytes, `total` how many there have ever been. `most` is what a
    batch may take in the log, in bytes, with what names its authors; None: that is not counted.
    """

    __slots__ = ("_credits", "_newcomers", "changes", "most", "pieces", "size", "total")

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.pieces: list[Piece] = []
        self.changes: list[Change] = []
        self.size = 0
        self.total = 0
        self._credits: list[tuple[Publisher, int]] = []
        self._newcomers: list[Member | None] = []

    def __bool__(self) -> bool:
        return bool(self.pieces or self.changes)

    def add(self, piece: Piece, publisher: Publisher) -> None:
        size = len(piece.data)
        self.pieces.append(piece)
        self._credits.append((publisher, size))
        self.size += size
        self.total += 1

    def change(self, change: Change, newcomer: Member | None = None) -> None:
        """Note that somebody has come (the newcomer), or is gone."""
        self.changes.append(change)
        self._newcomers.append(newcomer)

    def drop(self, session: SessionId) -> None:
        """Forget what this session has published."""
        kept = [at for at, piece in enumerate(self.pieces) if piece.author.session != session]
        if len(kept) == len(self.pieces):
            return
        self.total -= len(self.pieces) - len(kept)
        self.pieces = [self.pieces[index] for index in kept]
        self._credits = [self._credits[index] for index in kept]
        self.size = sum(size for _, size in self._credits)

    def put_back(self, pieces: Sequence[Piece], credits: Credits) -> None:
        """Take pieces again that have found no place in the log, before all others."""
        self.pieces[:0] = pieces
        self._credits[:0] = credits
        self.size += sum(size for _, size in credits)

    def put_back_changes(self, changes: Sequence[Change], newcomers: Newcomers) -> None:
        """Take changes again that have found no place in the log, before all others."""
        self.changes[:0] = changes
        self._newcomers[:0] = newcomers or (None,) * len(changes)

    def take_changes(self, relay: str, number: int, account: Account) -> tuple[Batch, Newcomers]:
        """Return all changes as a batch, or as many as it holds, and who has come by each."""
        count = len(self.changes) if self.most is None else max(self.most // PART, 1)
        batch = Batch(b"", (), relay, number, account, tuple(self.changes[:count]))
        newcomers = self._newcomers[:count]
        self.changes, self._newcomers = self.changes[count:], self._newcomers[count:]
        return batch, newcomers

    def take_pieces(self, relay: str, number: int, account: Account) -> tuple[Batch, Credits]:
        """Return as many pieces as a batch holds, or one, and whom to credit for them."""
        if self.most is not None:
            return self._take_within(self.most, relay, number, account)
        pieces, credits = self.pieces, self._credits
        if self.size <= MAX_BATCH or len(pieces) == 1:
            self.pieces, self._credits, self.size = [], [], 0
        else:
            count, size = 1, len(pieces[0].data)
            while size + len(pieces[count].data) <= MAX_BATCH:
                size += len(pieces[count].data)
                count += 1
            pieces, credits = self._take(count)
        return join(pieces, relay, number, account), credits

    def _take_within(
        self, most: int, relay: str, number: int, account: Account
    ) -> tuple[Batch, Credits]:
        """Return what fits, parts of a piece if need be; one message always does."""
        most = min(most, MAX_BATCH)
        while len(self.pieces[0].data) + PART > most and self.pieces[0].messages > 1:
            self._divide_first()
        count, size = 0, 0
        for piece in self.pieces:
            size += len(piece.data) + PART
            if count and size > most:
                break
            count += 1
        pieces, credits = self._take(count)
        return join(pieces, relay, number, account), credits

    def _take(self, count: int) -> tuple[list[Piece], list[tuple[Publisher, int]]]:
        pieces, self.pieces = self.pieces[:count], self.pieces[count:]
        credits, self._credits = self._credits[:count], self._credits[count:]
        self.size -= sum(len(piece.data) for piece in pieces)
        return pieces, credits

    def _divide_first(self) -> None:
        """Make two pieces of the first one, between two of its messages."""
        piece, publisher = self.pieces[0], self._credits[0][0]
        half = piece.messages // 2
        rest = bytes(skip(piece.data, half))
        first = piece._replace(data=piece.data[: len(piece.data) - len(rest)], messages=half)
        second = piece._replace(first=piece.first + half, data=rest, messages=piece.messages - half)
        self.pieces[:1] = first, second
        self._credits[:1] = [(publisher, len(each.data)) for each in (first, second)]
        self.total += 1
