"""What happens in a room on its way into the log: one batch after the other."""

from relay.room.batch import MAX_BATCH, Batch, Change, Piece, SessionId, separate
from relay.room.delivery import Credits
from relay.room.log import Log
from relay.room.member import Member, Publisher
from relay.room.pending import Newcomers, Pending
from relay.room.shared import Shared
from relay.room.tempo import Tempo


class Appender:
    """Appends what is `pending` at the end of a tick, once the batch before has its place.

    `number` is that of the last batch, `returned` how many pieces the log has handed back.
    """

    __slots__ = (
        "_appended",
        "_dropped",
        "_is_appending",
        "_shared",
        "_tempo",
        "log",
        "number",
        "pending",
        "returned",
    )

    def __init__(self, log: Log, shared: Shared) -> None:
        self.log = log
        self.number = log.first_number
        self.pending = Pending(log.most if log.is_shared else None)
        self.returned = 0
        self._shared = shared
        self._tempo = Tempo()
        self._is_appending = False
        # What the log has not handed back yet: number, whom to credit, and who has come.
        self._appended: tuple[int, Credits, Newcomers] | None = None
        self._dropped: list[SessionId] = []  # since then; it may have found its place before

    @property
    def is_at_rest(self) -> bool:
        return not (self.pending or self._appended)

    def publish(self, piece: Piece, publisher: Publisher, *, is_idle: bool) -> None:
        """Take messages for the batch of this tick.

        In a room that `is_idle`, one that comes alone, as the one before did, does not wait.
        """
        pending, shared = self.pending, self._shared
        if not (pending.pieces or pending.changes):
            if is_idle and self._appended is None and self._tempo.is_slow(shared.clock()):
                pending.add(piece, publisher)
                self._append_pieces()
                return
            shared.schedule(self.flush)
        elif pending.size + len(piece.data) > MAX_BATCH and self._appended is None:
            self._append_pieces()
        pending.add(piece, publisher)

    def change(self, change: Change, newcomer: Member | None = None) -> None:
        """Note that somebody has come (the newcomer), or is gone."""
        if not self.pending:
            self._shared.schedule(self.flush)
        self.pending.change(change, newcomer)

    def flush(self) -> None:
        """Append what is pending, if the log has handed back the batch before."""
        pending = self.pending
        while self._appended is None:
            if pending.changes:
                self._append_changes()
            elif pending.pieces:
                self._append_pieces()
            else:
                break

    def take_back(self, batch: Batch) -> tuple[Credits, Newcomers]:
        """A batch has its place: return whom to credit, and who has come, if it is ours."""
        appended = self._appended
        if batch.relay != self._shared.relay or appended is None or appended[0] != batch.number:
            return (), ()
        self._appended = None
        self._dropped.clear()
        _, credits, newcomers = appended
        self.returned += len(credits)
        if batch.messages:
            self._shared.totals.take(batch.messages, len(batch.data))
        return credits, newcomers

    def take_refusal(self, batch: Batch) -> None:
        """A batch has found no place: it is pending again, but for what has been dropped."""
        assert self._appended is not None and self._appended[0] == batch.number
        _, credits, newcomers = self._appended
        self._appended = None
        if batch.changes:
            self.pending.put_back_changes(batch.changes, newcomers)
        else:
            self.pending.put_back(separate(batch), credits)
            for session in self._dropped:
                self.pending.drop(session)
        self._dropped.clear()

    def drop(self, session: SessionId) -> None:
        """Forget what this session has published and has no place."""
        self.pending.drop(session)
        if self._appended is not None:
            self._dropped.append(session)

    def go_on(self) -> None:
        """All that comes with what was taken back has been done: append what came meanwhile."""
        if not self._is_appending:
            self.flush()

    def _append_pieces(self) -> None:
        shared = self._shared
        self.number += 1
        batch, credits = self.pending.take_pieces(shared.relay, self.number, shared.account)
        self._append(batch, credits=credits)
        self._tempo.note(len(batch.spans), shared.clock())

    def _append_changes(self) -> None:
        self.number += 1
        shared = self._shared
        self._append(*self.pending.take_changes(shared.relay, self.number, shared.account))

    def _append(self, batch: Batch, newcomers: Newcomers = (), credits: Credits = ()) -> None:
        self._appended = batch.number, credits, newcomers
        self._is_appending = True
        self.log.append(batch)  # may hand it back at once
        self._is_appending = False
