"""What a relay says between messages (docs/protocol.md): a note of a known kind is whole."""

import json
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final

_WHO: Final = (str, NoneType)
_MEMBERS: Final = {"members": (list, NoneType), "count": (int,)}
_FIELDS: Final[dict[object, dict[str, tuple[type, ...]]]] = {
    "welcome": {"cursor": (str,), "received": (int, NoneType), **_MEMBERS},
    "from": {"user": _WHO, "at": (int,)},
    "cursor": {"cursor": (str,)},
    "ack": {"received": (int,)},
    "gap": {"cursor": (str,), "missed": (int,)},
    "join": {"user": (str,)},
    "leave": {"user": (str,)},
    "members": _MEMBERS,
    "drain": {"retry_after_ms": (int,)},
}


class Stranger(Exception):
    """What came is not what a relay sends."""


def parse(text: str) -> dict[str, Any]:
    """Return the note that this text holds; raises `Stranger` if it is none."""
    try:
        note = json.loads(text)
    except (ValueError, RecursionError):
        note = None
    if not isinstance(note, dict):
        raise Stranger
    kind = note.get("type")
    fields = _FIELDS.get(kind, {}) if isinstance(kind, str) else {}
    for name, types in fields.items():
        value = note.get(name)
        is_whole = name in note and isinstance(value, types) and not isinstance(value, bool)
        if not is_whole or (isinstance(value, int) and value < 0):
            raise Stranger
    return note


def moment(at: int) -> datetime:
    """Return the time of so many milliseconds since 1970; raises `Stranger` if it is none."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Stranger from None
