"""What somebody may do here, and until when: what is left of a token once it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from relay.names import BadName, RoomName, UserName, check

MAX_LIFETIME: Final = 36500 * 86400.0  # seconds: a century; whatever is longer counts as this
LEEWAY: Final = 30.0  # seconds for `nbf`: clocks differ. None for `exp`, which ends connections
MAX_ID: Final = 256  # characters of `jti`


class Forbidden(Exception):
    """A valid token, or none where none is asked for, that does not allow this."""


class BadClaims(Exception):
    """The claims of a token whose signature is right say nothing that can be granted."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who somebody is, which rooms are open to them, and what they may do there.

    `rooms` holds names, and prefixes that end in `*`. Times are Unix time in seconds. All of it is
    plain values, which JSON can carry to another process.
    """

    user: UserName | None  # None: any free name
    rooms: tuple[str, ...]
    expires: float | None = None  # None: never
    can_publish: bool = True
    can_subscribe: bool = True
    admin: bool = False
    key: str | None = None  # `Key.id` of the key that checked the token; None: no token
    token_id: str | None = None  # `jti`
    issued: float = 0.0  # `iat`; 0 where the token does not tell

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Grant":
        """Return the grant that `dataclasses.asdict` gave these values, by way of JSON or not."""
        return cls(**{**values, "rooms": tuple(values["rooms"])})

    def admits(self, room: str) -> bool:
        """Whether this room is one of those that the grant is for."""
        return room in self.rooms or any(
            pattern[-1:] == "*" and room.startswith(pattern[:-1]) for pattern in self.rooms
        )

    def sees(self, room: str) -> bool:
        """Whether names of this room are shown; an administrator sees all."""
        return self.admin or self.admits(room)

    def check_user(self, user: UserName) -> None:
        """Raise `Forbidden` unless the grant is for this user."""
        if self.user is not None and user != self.user:
            raise Forbidden(f"token is for user {self.user!r}, not {user!r}")

    def check_room(self, room: RoomName) -> None:
        """Raise `Forbidden` unless the grant is for this room."""
        if not self.admits(room):
            raise Forbidden(f"token does not admit to room {room!r}")

    def check_publish(self) -> None:
        """Raise `Forbidden` unless it allows to publish."""
        if not self.can_publish:
            raise Forbidden("token does not allow to publish")

    def check_admin(self) -> None:
        """Raise `Forbidden` unless it is an administrator's."""
        if not self.admin:
            raise Forbidden("token does not have the claim admin")


OPEN: Final = Grant(user=None, rooms=("*",))
"""What everybody may where no tokens are asked for: anything but administration."""


def from_claims(claims: Mapping[str, Any], key: str, now: float) -> Grant:
    """Return what the claims grant, or raise `BadClaims` with a sentence for each cause."""
    admin = _flag(claims, "admin", False)
    for claim in ("sub", "exp") if admin else ("sub", "room", "exp"):
        if claim not in claims:
            raise BadClaims(f"token lacks the claim {claim!r}")
    token_id = claims.get("jti")
    if token_id is not None and not (isinstance(token_id, str) and 0 < len(token_id) <= MAX_ID):
        raise BadClaims(f"token's claim jti is not a string of 1 to {MAX_ID} characters")
    expires = min(_time(claims, "exp"), now + MAX_LIFETIME)
    if expires <= now:
        raise BadClaims("token has expired")
    if "nbf" in claims and _time(claims, "nbf") - now > LEEWAY:
        raise BadClaims("token is not valid yet: its claim nbf lies in the future")
    return Grant(
        user=UserName(_name("user", claims["sub"], "sub")),
        rooms=_rooms(claims.get("room", [])),
        expires=expires,
        can_publish=_flag(claims, "can_publish", True),
        can_subscribe=_flag(claims, "can_subscribe", True),
        admin=admin,
        key=key,
        token_id=token_id,
        issued=_time(claims, "iat") if "iat" in claims else 0.0,
    )


def check_room_pattern(text: str) -> str:
    """Return the name of a room, or a prefix of names that ends in `*`; or raise `BadName`."""
    if not text.endswith("*"):
        return check("room", text)
    return check("room", text[:-1] + "x")[:-1] + "*"  # what is left out could be any letter


def _rooms(claim: object) -> tuple[str, ...]:
    names = claim if isinstance(claim, list) else [claim]
    return tuple(dict.fromkeys(_name("room", name, "room") for name in names))


def _name(kind: str, value: object, claim: str) -> str:
    if not isinstance(value, str):
        raise BadClaims(f"token's claim {claim} is not a name but {_kind(value)}")
    try:
        return check(kind, value) if kind == "user" else check_room_pattern(value)
    except BadName as error:
        raise BadClaims(f"token's {error}") from None


def _flag(claims: Mapping[str, Any], claim: str, default: bool) -> bool:
    value = claims.get(claim, default)
    if not isinstance(value, bool):
        raise BadClaims(f"token's claim {claim} is neither true nor false but {_kind(value)}")
    return value


def _time(claims: Mapping[str, Any], claim: str) -> float:
    value = claims[claim]
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = float(value)
            if isfinite(seconds):  # JSON has nothing else, but Python's parser takes it
                return seconds
    except OverflowError:
        pass
    raise BadClaims(f"token's claim {claim} is no time in seconds since 1970")


def _kind(value: object) -> str:
    """Name what JSON calls this; the value itself could be long, or nobody's business."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
