"""How much of the relay's memory one client holds, and who goes when there is too little left."""

import sys
from typing import Final, NamedTuple

from relay.account import cost
from relay.member.annotated_outbox import AnnotatedOutbox
from relay.member.outbox import Outbox
from relay.member.session import Session

AT_REST: Final = 8 * 1024  # bytes of a connection that is at rest
_REFERENCE: Final = 8  # bytes of an entry in a backlog, beside the entry itself
_COPIES: Final = sys.version_info < (3, 12)  # asyncio's transport copied what it could not send
_FRESH: Final = 0.1  # seconds: what has just come has no pace yet


class Load(NamedTuple):
    """Bytes that a client holds, and how much they weigh: the longer they do not move, the more."""

    held: int
    weight: float  # bytes times seconds


def private(session: Session) -> int:
    """Return the bytes that are held for this client alone, beside an unfinished message."""
    outbox = session.outbox
    held = AT_REST + session.intake.unparsed
    if outbox.is_blocked:
        is_shared = _is_shared(outbox) and not _COPIES
        held += _REFERENCE * len(outbox.entries()) + (0 if is_shared else outbox.unsent)
    return held


def _is_shared(outbox: Outbox) -> bool:
    """Return whether what is being sent is sent to other members as the same object."""
    if isinstance(outbox, AnnotatedOutbox):
        return not outbox.is_copy
    entries = outbox.entries()
    return len(entries) == 1 and outbox.excluded not in entries[0].batch.own


def load_of(session: Session, now: float) -> Load:
    """Return what a client holds, its share of what it holds with others of its room included."""
    inbox, pace, moved = session.inbox, session.inbox.pace, session.liveness.moved
    received = cost(inbox.unfinished, inbox.pieces)
    backlog = private(session) + session.outbox.lag // max(1, len(session.room.members))
    waited = now - pace.since if pace is not None else 0.0
    stuck = now - moved if moved is not None else 0.0
    weight = received * (waited + _FRESH) + backlog * (stuck + _FRESH)
    return Load(received + backlog, weight)
