"""What there is to know of a session, so that it can be moved."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from relay.member.ending import Ending
from relay.member.inbox_state import InboxState
from relay.member.intake import IntakeState
from relay.member.liveness import Liveness
from relay.member.options import Options
from relay.member.outbox_state import OutboxState
from relay.room.batch import SessionId


@dataclass(frozen=True, slots=True)
class SessionState:
    """All that there is to know of a session, as values."""

    id: SessionId
    options: Options
    liveness: Liveness
    inbox: InboxState
    outbox: OutboxState
    intake: IntakeState = field(default_factory=IntakeState)
    ending: Ending | None = None  # how it is being closed; None: it is in its room
    fresh_token: str = ""  # is being checked; empty: none is


def begin(options: Options, now: float) -> SessionState:
    """Return the state of a session that begins now, in seconds of `Terms.clock`."""
    inbox = InboxState(is_welcome=options.resume is None)
    return SessionState(identity_of(options), options, Liveness(now), inbox, OutboxState())


def from_description(described: dict[str, Any]) -> SessionState:
    """Return the state of a session that `Session.describe` has described, as it begins."""
    options = Options.restored(described["options"])
    return SessionState(
        SessionId(described["id"]), options, Liveness(0.0), InboxState(), OutboxState()
    )


def identity_of(options: Options) -> SessionId:
    """Return the ID of a session: an annotated client's own, which counts for its user only."""
    if options.resume is None:
        return SessionId(secrets.token_hex(8))
    return SessionId(f"{options.user}/{options.resume.session}")  # no name contains a slash
