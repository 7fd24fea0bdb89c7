"""What a client of `relay.v1` says in its query of the session that it goes on with."""

import re
import secrets
from collections.abc import Mapping
from typing import Final

from relay.room.log import parse_cursor
from relay.room.resume import Resume

OPTIONS: Final = ("session", "attempt", "cursor", "skip", "acked")

_SESSION: Final = re.compile(r"[0-9A-Za-z_-]{8,64}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)  # JavaScript counts them exactly


class BadOption(ValueError):
    """An option that says nothing; `str()` names it, and what is expected."""


def resume_of(query: Mapping[str, str], history: int) -> Resume:
    """Return what the query says, or raise `BadOption`; without a session it is given one."""
    session, text = query.get("session"), query.get("cursor")
    if session is None:
        session = secrets.token_urlsafe(16)
    elif not _SESSION.fullmatch(session):
        raise BadOption("session: expected 8 to 64 letters, digits, - or _")
    cursor = parse_cursor(text) if text is not None else None
    if text is not None and cursor is None:
        raise BadOption("cursor: expected one that the relay has told")
    attempt = _number(query, "attempt", 1)
    if not attempt:
        raise BadOption("attempt: expected a number from 1")
    skip = _number(query, "skip", 0)
    if skip and cursor is None:
        raise BadOption("skip: expected a cursor beside it")
    return Resume(session, attempt, cursor, skip, _number(query, "acked", 0), history)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise BadOption(f"{name}: expected a number of at most 15 digits")
    return int(text)
