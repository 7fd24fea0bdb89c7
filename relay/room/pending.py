"""What a room has still to append to its log: who has come and gone, then what was published."""

from collections.abc import Sequence

from relay.account import Account
from relay.room.batch import MAX_BATCH, Batch, Change, Piece, SessionId, join
from relay.room.delivery import Credits
from relay.room.member import Member, Publisher

Newcomers = Sequence[Member | None]


class Pending:
    """`pieces` with their publishers, and `changes` with the members that have come.

    `size` is that of all pieces in bytes, `total` how many there have ever been.
    """

    __slots__ = ("_credits", "_newcomers", "changes", "pieces", "size", "total")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.changes: list[Change] = []
        self.size = 0
        self.total = 0
        self._credits: list[tuple[Publisher, int]] = []
        self._newcomers: list[Member | None] = []

    @property
    def is_empty(self) -> bool:
        return not (self.pieces or self.changes)

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

    def take_changes(self, relay: str, number: int, account: Account) -> tuple[Batch, Newcomers]:
        """Return all changes as a batch, and who has come by each."""
        batch = Batch(b"", (), relay, number, account, tuple(self.changes))
        newcomers = self._newcomers
        self.changes, self._newcomers = [], []
        return batch, newcomers

    def take_pieces(self, relay: str, number: int, account: Account) -> tuple[Batch, Credits]:
        """Return as many pieces as a batch holds, or one, and whom to credit for them."""
        pieces, credits = self.pieces, self._credits
        if self.size <= MAX_BATCH or len(pieces) == 1:
            self.pieces, self._credits, self.size = [], [], 0
        else:
            count, size = 1, len(pieces[0].data)
            while size + len(pieces[count].data) <= MAX_BATCH:
                size += len(pieces[count].data)
                count += 1
            pieces, self.pieces = pieces[:count], pieces[count:]
            credits, self._credits = credits[:count], credits[count:]
            self.size -= size
        return join(pieces, relay, number, account), credits
