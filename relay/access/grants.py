"""Tokens to grants: HS256 JSON Web Tokens (RFC 7519) that say who may be in which room."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import jwt

from relay.names import BadName, RoomName, UserName, check

_ALGORITHM: Final = "HS256"
_LEEWAY: Final = 0  # seconds; `exp` is enforced on live connections, so it means what it says
MAX_LIFETIME: Final = 36500 * 86400.0  # seconds: a century; whatever is longer counts as this


class Refused(Exception):
    """No token, or none that counts; `str()` says why and never quotes the token."""


class Forbidden(Exception):
    """A valid token that does not allow this."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who a token speaks for, where it admits, and until when (Unix time, seconds)."""

    user: UserName
    rooms: frozenset[RoomName]
    expires: float

    def admit(self, user: UserName, room: RoomName) -> None:
        """Raise `Forbidden` unless the token is for this user and this room."""
        if user != self.user:
            raise Forbidden(f"token is for user {self.user!r}, not {user!r}")
        self.admit_to(room)

    def admit_to(self, room: RoomName) -> None:
        """Raise `Forbidden` unless the token is for this room."""
        if room not in self.rooms:
            raise Forbidden(f"token does not admit to room {room!r}")


def verify(token: str, secret: str) -> Grant:
    """Return what the token grants, or raise `Refused`."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            leeway=_LEEWAY,
            options={"require": ["sub", "room", "exp"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise Refused("token has expired") from None
    except jwt.MissingRequiredClaimError as error:
        raise Refused(f"token lacks the claim {error.claim!r}") from None
    except jwt.InvalidSignatureError:
        raise Refused("token has a wrong signature") from None
    except (jwt.PyJWTError, ValueError):  # the latter for what is not even ASCII
        raise Refused("token is not valid") from None
    return _grant(claims)


def mint(user: UserName, rooms: Iterable[RoomName], lifetime: float, secret: str) -> str:
    """Return a token for `user` in `rooms` that expires in `lifetime` seconds."""
    names = list(rooms)
    room: str | list[RoomName] = names[0] if len(names) == 1 else names
    now = int(time.time())
    claims = {"sub": user, "room": room, "iat": now, "exp": now + int(lifetime)}
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)


def _grant(claims: dict[str, Any]) -> Grant:
    rooms = claims["room"] if isinstance(claims["room"], list) else [claims["room"]]
    if not all(isinstance(name, str) for name in (claims["sub"], *rooms)):
        raise Refused("token's claims sub and room are not names")
    try:
        return Grant(
            UserName(check("user", claims["sub"])),
            frozenset(RoomName(check("room", room)) for room in rooms),
            min(float(claims["exp"]), time.time() + MAX_LIFETIME),
        )
    except BadName as error:
        raise Refused(f"token's {error}") from None
    except (TypeError, ValueError, OverflowError):
        raise Refused("token's claim exp is no time") from None
