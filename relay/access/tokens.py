"""JSON Web Tokens (RFC 7519): checked with the relay's keys, and made with its secret."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import jwt
from jwt.utils import base64url_decode

from relay.access.grants import BadClaims, Grant, from_claims
from relay.access.keys import Key, choose
from relay.names import UserName

_SHOWN: Final = 40  # characters of what a token says of itself
_JWS: Final = jwt.PyJWS()


class TokenRefused(Exception):
    """No token, or none that counts; `str()` says why and never quotes the token."""


class UnknownKey(TokenRefused):
    """The token names a key that the relay does not have, or does not have yet."""


def verify(token: str, keys: Sequence[Key], now: float) -> Grant:
    """Return what the token grants at this time (Unix time, seconds), or raise `TokenRefused`."""
    header = _header(token)
    algorithm, name = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise TokenRefused("token is not signed")
    if "crit" in header:  # RFC 7515 §4.1.11: what is not understood is refused
        raise TokenRefused("token has a critical header, and this relay knows none")
    if not isinstance(name, str | None):
        raise TokenRefused("token's header kid is not a string")
    known = sorted({key.algorithm for key in keys})
    if algorithm not in known:
        raise UnknownKey(
            f"token is signed with {_shown(algorithm)}, the relay's keys are for {', '.join(known)}"
        )
    candidates = choose(keys, algorithm, name)
    if not candidates:
        raise UnknownKey(f"token names the key {_shown(name or '')}, which the relay does not have")
    claims, key = _claims(token, candidates)
    try:
        return from_claims(claims, key.id, now)
    except BadClaims as error:
        raise TokenRefused(str(error)) from None


def mint(
    user: UserName, rooms: Iterable[str], lifetime: float, secret: str, **claims: object
) -> str:
    """Return a token for `user` in `rooms` that expires in `lifetime` seconds."""
    names = list(rooms)
    room = {} if not names else {"room": names[0] if len(names) == 1 else names}
    now = int(time.time())
    return jwt.encode(
        {"sub": user, **room, "iat": now, "exp": now + int(lifetime), **claims}, secret, "HS256"
    )


def _header(token: str) -> Mapping[str, Any]:
    try:
        header = json.loads(base64url_decode(token.partition(".")[0]))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise TokenRefused("token is no JSON Web Token")
    return header


def _claims(token: str, keys: Sequence[Key]) -> tuple[dict[str, Any], Key]:
    for key in keys:
        try:
            payload = _JWS.decode_complete(token, key.material, [key.algorithm])["payload"]
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("token is no JSON Web Token") from None
        try:
            claims = json.loads(payload)
        except (ValueError, RecursionError):
            claims = None
        if not isinstance(claims, dict):
            raise TokenRefused("token's claims are not a JSON object")
        return claims, key
    raise TokenRefused("token has a wrong signature")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
