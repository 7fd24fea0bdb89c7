"""How much of the relay's memory one client holds, and who goes when there is too little left."""

import sys
from typing import Final, NamedTuple

from relay.account import cost
from relay.member.sending import CHUNK
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
    """Return the bytes that are held for this client alone, and that nobody counts at once."""
    outbox = session.outbox
    held = AT_REST
    if outbox.is_blocked:
        most = CHUNK if _COPIES and not outbox.sending.is_copy else 0
        held += _REFERENCE * len(outbox.entries()) + min(outbox.unsent, most)
    return held


def load_of(session: Session, now: float) -> Load:
    """Return what a client holds, its share of what it holds with others of its room included."""
    inbox, pace, moved = session.inbox, session.inbox.pace, session.liveness.moved
    received = cost(inbox.unfinished, inbox.pieces)
    shared = session.outbox.lag // max(1, len(session.room.members))
    backlog = private(session) + session.intake.unparsed + session.outbox.sending.held + shared
    waited = now - pace.since if pace is not None else 0.0
    stuck = now - moved if moved is not None else 0.0
    weight = received * (waited + _FRESH) + backlog * (stuck + _FRESH)
    return Load(received + backlog, weight)
