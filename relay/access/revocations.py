"""Tokens that no longer count although they have not expired: by their id, or by their age.

All of it is plain values (`snapshot`, `restore`), so that a successor of this process can go on
with them. A relay that is restarted without a successor has forgotten them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from relay.access.grants import Grant
from relay.names import UserName

MAX_REVOCATIONS: Final = 100_000


class TooMany(Exception):
    """There is no place for another revocation; `str()` says what to do."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """Which tokens are revoked, and until when that has to be remembered (Unix time, seconds).

    `token_id` names one token; else all tokens of `user` (None: of everybody) that were issued
    before `before` are meant, and those that do not tell when they were issued.
    """

    until: float
    token_id: str | None = None
    user: UserName | None = None
    before: float = 0.0

    def covers(self, grant: Grant) -> bool:
        """Whether this grant comes from such a token."""
        if grant.key is None:
            return False
        if self.token_id is not None:
            return grant.token_id == self.token_id
        return self.user in (None, grant.user) and grant.issued < self.before


class Revocations:
    """All revocations that still matter, at most `limit`; `now` tells Unix time in seconds."""

    def __init__(self, now: Callable[[], float], limit: int = MAX_REVOCATIONS) -> None:
        self._now = now
        self._limit = limit
        self._by_id: dict[str, Revocation] = {}
        self._by_user: dict[UserName | None, Revocation] = {}

    def __len__(self) -> int:
        return len(self._by_id) + len(self._by_user)

    def add(self, revocation: Revocation) -> Revocation:
        """Remember it, beside what was revoked before; raise `TooMany` when there is no place.

        Return what is remembered of the same token or user.
        """
        known = self._known(revocation)
        if known is not None:
            revocation = Revocation(
                until=max(known.until, revocation.until),
                token_id=revocation.token_id,
                user=revocation.user,
                before=max(known.before, revocation.before),
            )
        elif len(self) >= self._limit:
            self.forget()
            if len(self) >= self._limit:
                raise TooMany(
                    f"{self._limit} tokens are revoked, the limit; revoke by user or by time, or "
                    "change the key that signs tokens"
                )
        if revocation.token_id is not None:
            self._by_id[revocation.token_id] = revocation
        else:
            self._by_user[revocation.user] = revocation
        return revocation

    def covers(self, grant: Grant) -> bool:
        """Whether the token of this grant is revoked."""
        found = (
            self._by_id.get(grant.token_id) if grant.token_id is not None else None,
            self._by_user.get(grant.user),
            self._by_user.get(None),
        )
        return any(revocation is not None and revocation.covers(grant) for revocation in found)

    def forget(self) -> None:
        """Drop what need not be remembered any longer."""
        now = self._now()
        self._by_id = {key: each for key, each in self._by_id.items() if each.until > now}
        self._by_user = {key: each for key, each in self._by_user.items() if each.until > now}

    def snapshot(self) -> list[dict[str, Any]]:
        """Return everything as plain values, for JSON."""
        return [
            {"until": each.until, "jti": each.token_id, "user": each.user, "before": each.before}
            for each in (*self._by_id.values(), *self._by_user.values())
        ]

    def restore(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Add what a snapshot holds."""
        for value in state:
            user = value["user"]
            self.add(
                Revocation(
                    until=float(value["until"]),
                    token_id=value["jti"],
                    user=None if user is None else UserName(user),
                    before=float(value["before"]),
                )
            )

    def _known(self, revocation: Revocation) -> Revocation | None:
        if revocation.token_id is not None:
            return self._by_id.get(revocation.token_id)
        return self._by_user.get(revocation.user)
