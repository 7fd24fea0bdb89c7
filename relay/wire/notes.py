"""The notes of `relay.v1`: text frames of U+0000 and one JSON object, between the data frames.

What the relay says is made here as whole frames, byte for byte as `docs/protocol.md` shows it:
fields in this order, no spaces, UTF-8. What a client says is parsed here, and bounded.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from relay.names import RoomName, UserName
from relay.wire.frames import TEXT, encode

PROTOCOL: Final = "relay.v1"  # the subprotocol that a client offers
MARK: Final = b"\0"  # what the text of a note begins with
MAX_NOTE: Final = 16 * 1024  # bytes of a client's note; a token has to fit in
NOTE_RATE: Final = 64  # notes of a client in one second; `data` does not count


class BadNote(ValueError):
    """What a client sent as a note is not a note; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks whether its connection lives."""


@dataclass(frozen=True, slots=True)
class Data:
    """The client's next frame is a message, whatever it begins with."""


@dataclass(frozen=True, slots=True)
class Token:
    """A fresh token, before the old one expires."""

    token: str


def parse(payload: bytes) -> Ping | Data | Token:
    """Return what a client's note says, or raise `BadNote`; `payload` begins with U+0000."""
    if len(payload) > MAX_NOTE:
        raise BadNote(f"{len(payload)} bytes exceed limit of {MAX_NOTE}")
    try:
        note = orjson.loads(payload[len(MARK) :])
    except orjson.JSONDecodeError:
        note = None
    if not isinstance(note, dict):
        raise BadNote("expected U+0000 and a JSON object; announce such a message by a data note")
    kind = note.get("type")
    if kind == "ping":
        return Ping()
    if kind == "data":
        return Data()
    if kind == "token":
        token = note.get("token")
        if not isinstance(token, str) or not token:
            raise BadNote("token is not a string")
        return Token(token)
    raise BadNote("unknown type; known are ping, data and token")


def json_of(names: list[UserName] | None) -> bytes:
    """Return the members of a room as `welcome` and `members` take them; None: too many."""
    return orjson.dumps(names)


def welcome(
    user: UserName,
    room: RoomName,
    session: str,
    *,
    cursor: str,
    received: int | None,
    gap: bool,
    members: bytes,
    count: int,
) -> bytes:
    """The first frame; `members` is from `json_of`."""
    return _frame(
        {
            "type": "welcome",
            "user": user,
            "room": room,
            "session": session,
            "cursor": cursor,
            "received": received,
            "gap": gap,
            "members": orjson.Fragment(members),
            "count": count,
        }
    )


def from_(user: UserName | None, at: int) -> bytes:
    """The next data frames are from this user (None: by `POST`), taken at this time in ms."""
    return _frame({"type": "from", "user": user, "at": at})


def cursor(cursor: str) -> bytes:
    """Everything up to here has been delivered."""
    return _frame({"type": "cursor", "cursor": cursor})


def ack(received: int) -> bytes:
    """The log has `received` messages of this session."""
    return _frame({"type": "ack", "received": received})


def join(user: UserName) -> bytes:
    return _frame({"type": "join", "user": user})


def leave(user: UserName) -> bytes:
    return _frame({"type": "leave", "user": user})


def members(members: bytes, count: int) -> bytes:
    """Who is here now; `members` is from `json_of`."""
    return _frame({"type": "members", "members": orjson.Fragment(members), "count": count})


def gap(missed: int, cursor: str) -> bytes:
    """This slow reader has missed `missed` messages; it counts on from this cursor."""
    return _frame({"type": "gap", "missed": missed, "cursor": cursor})


def drain(retry_after_ms: int) -> bytes:
    """This relay is going away."""
    return _frame({"type": "drain", "retry_after_ms": retry_after_ms})


def _frame(note: dict[str, object]) -> bytes:
    return encode(TEXT, MARK + orjson.dumps(note))


PONG: Final = _frame({"type": "pong"})
DATA: Final = _frame({"type": "data"})
