"""The subjects that relays use; names of rooms and relays are part of them, encoded.

A token of a subject must not hold `.`, `*`, `>` or a space: bytes beside ASCII letters, digits, `-`
and `_` are written as `=` and two hexadecimal digits, so that a name can be read back.
"""

import re
from typing import Final

from relay.names import RoomName

STREAM: Final = "RELAY"
ROOMS: Final = "relay.room.>"  # stored: what is appended to rooms' logs
ENTRIES: Final = "relay.entry.>"  # what the stream has taken, told to who follows a room
ALIVE: Final = "relay.alive"  # each relay tells that it lives, or goes
REVOKED: Final = "relay.revoked"  # stored by a stream of its own
ALL: Final = "relay.all"  # questions to all relays

_PLAIN: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")
_ESCAPED: Final = re.compile(r"=([0-9A-F]{2})")


def encode(name: str) -> str:
    """Return a name as one token of a subject."""
    return "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in name.encode())


def decode(token: str) -> str:
    """Return the name that `encode` has written; raise `ValueError` for what it never writes."""
    data = re.sub(_ESCAPED, lambda found: chr(int(found[1], 16)), token).encode("latin-1")
    name = data.decode()
    if encode(name) != token:
        raise ValueError(f"{token!r} is no encoded name")
    return name


def room(name: RoomName) -> str:
    """Return the subject of a room's log."""
    return f"relay.room.{encode(name)}"


def entries(name: RoomName) -> str:
    """Return where the entries of a room's log are told."""
    return f"relay.entry.{encode(name)}"


def state(name: RoomName) -> str:
    """Return where relays that follow a room are asked who is in it."""
    return f"relay.state.{encode(name)}"


def relay(name: str) -> str:
    """Return where one relay is asked."""
    return f"relay.ask.{name}"


def places(name: str, room: RoomName | None = None) -> str:
    """Return where a relay is told that another one needs the next place in a room's log."""
    return f"relay.place.{name}.{'*' if room is None else encode(room)}"
