"""The one place that decides whether somebody may connect, publish, look or administer."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from relay.access.addresses import ClientAddress, client_address, trust
from relay.access.grants import OPEN, Forbidden, Grant
from relay.access.keys import BadKey, Key, public_keys, secret_key
from relay.access.origins import origin_allowed
from relay.access.revocations import Revocations
from relay.access.tokens import TokenRefused, verify
from relay.names import RoomName, UserName
from relay.settings import Settings, SettingsError

MAX_AGE: Final = 86400.0  # seconds for which a key set counts that cannot be fetched again


class KeysMissing(Exception):
    """Tokens cannot be checked now: the key set has never been fetched, or too long ago."""


class Access:
    """Who may do what. Built once from the settings; a key set may be put in later.

    `now` tells Unix time in seconds.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self.revocations = Revocations(now)
        self.now = now
        self._origins = settings.allowed_origins
        self._is_proxy = trust(settings.trusted_proxies)
        self._fixed = _keys(settings)
        self._fetched: tuple[Key, ...] = ()
        self._fetched_until = 0.0
        self._has_key_set = settings.jwks_url is not None
        self.asks_for_tokens = settings.asks_for_tokens

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that count now; those of a key set that is too old do not."""
        return self._fixed + (self._fetched if self.now() < self._fetched_until else ())

    def replace_key_set(self, keys: Sequence[Key]) -> None:
        """Take the keys of a set that has just been fetched, in place of those before."""
        self._fetched = tuple(keys)
        self._fetched_until = self.now() + MAX_AGE

    def connect(self, token: str | None, user: UserName, room: RoomName) -> Grant:
        """Return what a member may that comes with this token.

        Raises `TokenRefused` for a token that does not count, `Forbidden` for one that does not
        allow this, `KeysMissing` when nobody can tell.
        """
        grant = self.grant(token)
        grant.check_user(user)
        grant.check_room(room)
        return grant

    def publish(self, token: str | None, room: RoomName) -> Grant:
        """Return the grant of a publisher that is no member; raises like `connect`."""
        grant = self.grant(token)
        grant.check_room(room)
        grant.check_publish()
        return grant

    def administer(self, token: str | None) -> Grant:
        """Return an administrator's grant; raises like `connect`."""
        if not self.asks_for_tokens:
            raise Forbidden(
                "this needs a token with the claim admin, and this relay asks for none: set "
                "JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL"
            )
        grant = self.grant(token)
        grant.check_admin()
        return grant

    def inspect(self, token: str | None) -> Grant:
        """Return the grant of who reads rooms without being in them; raises like `connect`.

        Where no tokens are asked for, everybody could join and read.
        """
        grant = self.grant(token)
        if self.asks_for_tokens:
            grant.check_admin()
        return grant

    def look(self, token: str | None) -> Grant | None:
        """Return the grant that says which names are shown; None shows none.

        Raises `TokenRefused`.
        """
        if not self.asks_for_tokens:
            return OPEN
        return self.grant(token) if token else None

    def grant(self, token: str | None) -> Grant:
        """Return what the token grants, `OPEN` where none is asked for; raises like `connect`."""
        if not self.asks_for_tokens:
            return OPEN
        if not token:
            raise TokenRefused("token required")
        keys = self.keys
        if not keys:
            raise KeysMissing("the key set of JWKS_URL is not there; try again later")
        grant = verify(token, keys, self.now())
        if self.revocations.covers(grant):
            raise TokenRefused("token has been revoked")
        return grant

    def still_admits(self, grant: Grant) -> bool:
        """Whether somebody who is in with this grant, by another process, may stay.

        Not when the token is revoked, or its key is gone; a key set that has not been fetched yet
        takes nobody out.
        """
        if not self.asks_for_tokens:
            return True
        if grant.key is None or self.revocations.covers(grant):
            return False
        is_unknown = self._has_key_set and not self._fetched
        return is_unknown or any(key.id == grant.key for key in self.keys)

    def allows_origin(self, origin: str | None, host: str) -> bool:
        """Whether a page of this origin may use the relay that it reaches as `host`."""
        return origin_allowed(origin, host, self._origins)

    def is_proxy(self, peer: str) -> bool:
        """Whether connections from this address are those of many clients."""
        return self._is_proxy(peer)

    def client_address(self, peer: str, forwarded: str) -> ClientAddress:
        """Return whose connection it is, behind trusted proxies too."""
        return client_address(peer, forwarded, self._is_proxy)


def _keys(settings: Settings) -> tuple[Key, ...]:
    """Return the keys of JWT_SECRET and JWT_PUBLIC_KEY, or raise `SettingsError`."""
    keys: tuple[Key, ...] = ()
    wrong = []
    if settings.jwt_secret is not None:
        try:
            keys += (secret_key(settings.jwt_secret),)
        except BadKey as error:
            wrong.append(f"JWT_SECRET=...: {error}")
    if settings.jwt_public_key is not None:
        try:
            keys += public_keys(settings.jwt_public_key)
        except BadKey as error:
            wrong.append(f"JWT_PUBLIC_KEY=...: {error}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return keys
