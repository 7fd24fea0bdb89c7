"""Names of users and rooms: what is allowed, and why not what is not."""

import unicodedata
from typing import Final, NewType

UserName = NewType("UserName", str)
RoomName = NewType("RoomName", str)

MAX_CHARACTERS: Final = 64
MAX_BYTES: Final = 128

_RESERVED: Final = frozenset("/\\?#")  # they would end the name inside a URL
# Characters that `str.isprintable` takes and that show nothing: two names must not look alike
# (Unicode's Default_Ignorable_Code_Point, and the braille blank).
_INVISIBLE: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)


class BadName(ValueError):
    """A name that breaks a rule; `str()` says which."""


def check(kind: str, name: str) -> str:
    """Return the name of a user or room (`kind`) in NFC, or raise `BadName`."""
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadName(f"{kind} name is empty")
    if len(name) > MAX_CHARACTERS:
        raise BadName(f"{kind} name of {len(name)} characters exceeds limit of {MAX_CHARACTERS}")
    for character in name:
        if character in _RESERVED:
            raise BadName(f"{kind} name contains {character!r}; / \\ ? # are not allowed")
        if not character.isprintable() or character in _INVISIBLE:
            raise BadName(f"{kind} name contains the invisible character U+{ord(character):04X}")
    if len(name.encode()) > MAX_BYTES:
        raise BadName(f"{kind} name of {len(name.encode())} bytes exceeds limit of {MAX_BYTES}")
    if name != name.strip():
        raise BadName(f"{kind} name begins or ends with a space")
    if not name.strip("."):
        raise BadName(f"{kind} name consists of dots only")
    return name
