"""Names of users and rooms: what is allowed, and why not what is not."""

import re
import unicodedata
from typing import Final, NewType

from idna.core import valid_contextj

UserName = NewType("UserName", str)
RoomName = NewType("RoomName", str)

MAX_CHARACTERS: Final = 64
MAX_BYTES: Final = 128

_RESERVED: Final = frozenset("/\\?#")  # they would end the name inside a URL
# Characters that `str.isprintable` takes and that show nothing: two names must not look alike.
# Unicode's Default_Ignorable_Code_Point, fillers and blanks of single scripts, and the character
# that stands for an object that is not there.
_INVISIBLE: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC),
            *(0x13441, 0x13442, 0x16FE4, 0x1D159),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
_WORD: Final = re.compile(r"[\w.-]+")
_NON_JOINER, _JOINER, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"
_JOINERS: Final = frozenset((_NON_JOINER, _JOINER, _EMOJI_STYLE))
_KEYCAP: Final = "\u20e3"
_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
# Emoji that are older than their blocks, and not all of them symbols.
_OLD_EMOJI: Final = frozenset("‼⁉\u2139〰〽")


class BadName(ValueError):
    """A name that breaks a rule; `str()` says which."""


def shown(name: str) -> str:
    """Return a name as a log line has it: in quotes unless it is one word.

    A name may hold spaces, and must not read like the rest of its line.
    """
    return name if _WORD.fullmatch(name) else repr(name)


def check(kind: str, name: str) -> str:
    """Return the name of a user or room (`kind`) in NFC, or raise `BadName`."""
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadName(f"{kind} name is empty")
    if len(name) > MAX_CHARACTERS:
        raise BadName(f"{kind} name of {len(name)} characters exceeds limit of {MAX_CHARACTERS}")
    if not (name.isascii() and name.isprintable()):
        _check_visible(kind, name)
    for character in _RESERVED.intersection(name):
        raise BadName(f"{kind} name contains {character!r}; / \\ ? # are not allowed")
    if len(name.encode()) > MAX_BYTES:
        raise BadName(f"{kind} name of {len(name.encode())} bytes exceeds limit of {MAX_BYTES}")
    if name != name.strip():
        raise BadName(f"{kind} name begins or ends with a space")
    if not name.strip("."):
        raise BadName(f"{kind} name consists of dots only")
    return name


def _check_visible(kind: str, name: str) -> None:
    """Raise `BadName` unless every character shows, by itself or in what surrounds it."""
    for character in name:
        if character not in _JOINERS and (not character.isprintable() or character in _INVISIBLE):
            raise BadName(f"{kind} name contains the invisible character U+{ord(character):04X}")
    for index, character in enumerate(name):
        before = name[index - 1] if index else ""
        if character in _JOINERS and not _joins(name, index):
            raise BadName(
                f"{kind} name contains the invisible character U+{ord(character):04X} where "
                "neither its script nor an emoji needs it"
            )
        if unicodedata.category(character)[0] == "M" and before in ("", " "):
            raise BadName(
                f"{kind} name has the combining mark U+{ord(character):04X} without a character "
                "before it"
            )


def _joins(name: str, index: int) -> bool:
    """Whether the joiner at `index` changes how its neighbours look (RFC 5892 A.1, UTS 51)."""
    character, before, after = name[index], name[:index], name[index + 1 :]
    if character == _EMOJI_STYLE:
        is_keycap = before[-1:] in tuple("0123456789*") and after[:1] == _KEYCAP
        return bool(before) and (is_keycap or _is_emoji(before[-1]))
    if valid_contextj(name, index):
        return True
    if character == _NON_JOINER or not after:
        return False
    joined = before.removesuffix(_EMOJI_STYLE)
    while joined and joined[-1] in _SKIN_TONES:
        joined = joined[:-1]
    return bool(joined) and _is_emoji(joined[-1]) and _is_emoji(after[0])


def _is_emoji(character: str) -> bool:
    """Whether it may be part of an emoji: a symbol that is no letter's, or a pictograph.

    Python does not know the property Extended_Pictographic; this is it and a few symbols more.
    """
    if character in _OLD_EMOJI:
        return True
    is_old = (
        character in "©®" or "\u2100" <= character <= "\u2bff" or "\u3200" <= character <= "\u32ff"
    )
    is_symbol = unicodedata.category(character) in ("So", "Sm")
    return is_symbol and (is_old or "\U0001f000" <= character <= "\U0001faff")
