"""The account of memory: bytes that the relay holds for others, each thing counted once."""

from dataclasses import dataclass
from typing import Final

_COPIES: Final = 2  # of an unfinished message: in the parser, and raw for a successor
_BATCH: Final = 700  # bytes of memory of a batch beside its frames, measured
_PIECE: Final = 64  # bytes of memory for each read that brought some of it, however short


def cost(unfinished: int, pieces: int) -> int:
    """Return the bytes of memory that this many bytes of unfinished messages take."""
    return _COPIES * unfinished + _PIECE * pieces


@dataclass(slots=True)
class Account:
    """What is held, in bytes, over all rooms and connections; its holders change it."""

    unfinished: int = 0  # received of messages that have not ended
    pieces: int = 0  # reads that brought it
    batches: int = 0  # published, and still pending, in a log, in a backlog or on its way
    count: int = 0  # of these batches
    unparsed: int = 0  # that came in one read with more than one turn's share
    forms: int = 0  # of batches as annotated members are sent them, while they are
    copies: int = 0  # that sockets hold of what was put together for one client alone
    sampled: int = 0  # as of the last beat: sockets, and what is held for single ones of them

    @property
    def held(self) -> int:
        """All of it."""
        received = cost(self.unfinished, self.pieces) + self.unparsed
        sent = self.batches + _BATCH * self.count + self.forms + self.copies
        return received + sent + self.sampled
