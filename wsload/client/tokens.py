"""A bearer token for each user: one for all, one per line of a file, or minted from a secret."""

from collections.abc import Callable
from pathlib import Path
from time import time

from wsload.client.failures import BadAddress

Tokens = Callable[[str, str], str]
"""The token of a user, by its name and the room that it joins; empty: none."""

_LIFE = 24 * 3600  # seconds that a minted token is good for


def one_for_all(token: str) -> Tokens:
    return lambda *_: token


def from_file(path: str) -> Tokens:
    """One token a line, each user takes the next one; from the first again after the last.
    Raises `BadAddress`."""
    try:
        tokens = Path(path).read_text().split()
    except OSError as error:
        raise BadAddress(f"cannot read --token-file {path}: {error}") from None
    if not tokens:
        raise BadAddress(f"--token-file {path} is empty: expected one token a line")
    taken: dict[str, str] = {}

    def token(name: str, _: str) -> str:
        if name not in taken:
            taken[name] = tokens[len(taken) % len(tokens)]
        return taken[name]

    return token


def minted(secret: str) -> Tokens:
    """HS256, with `sub` and `room`, good for a day: what a relay with `JWT_SECRET` takes. Raises
    `BadAddress` where PyJWT is not installed."""
    try:
        import jwt  # only who mints needs it
    except ImportError:
        raise BadAddress(
            "JWT_SECRET is set and PyJWT is not installed, which mints a token for each user: "
            "install wsload[jwt], or unset JWT_SECRET"
        ) from None

    return lambda name, room: jwt.encode(
        {"sub": name, "room": room, "exp": int(time()) + _LIFE}, secret, algorithm="HS256"
    )
