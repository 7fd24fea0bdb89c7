"""Revocations: which tokens no longer count, for how long, and how many are remembered."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.access.grants import OPEN, Grant
from relay.access.revocations import Revocation, Revocations, TooMany
from relay.names import UserName

NOW = 1_800_000_000.0
NEVER = NOW + 1e9


def grant(user: str = "alice", issued: float = NOW - 10, token_id: str | None = None) -> Grant:
    return Grant(UserName(user), ("*",), NOW + 60, key="k", issued=issued, token_id=token_id)


def test_one_token_is_revoked_by_its_id() -> None:
    """And no other."""
    revocations = Revocations(lambda: NOW)
    revocations.add(Revocation(NEVER, token_id="7"))
    assert revocations.covers(grant(token_id="7"))
    assert not revocations.covers(grant(token_id="8"))
    assert not revocations.covers(grant())


def test_tokens_of_a_user_are_revoked_by_when_they_were_issued() -> None:
    """One that does not tell counts as old; one made afterwards counts."""
    revocations = Revocations(lambda: NOW)
    revocations.add(Revocation(NEVER, user=UserName("alice"), before=NOW))
    assert revocations.covers(grant(issued=NOW - 1))
    assert revocations.covers(grant(issued=0))
    assert not revocations.covers(grant(issued=NOW))
    assert not revocations.covers(grant("bob"))


def test_all_tokens_are_revoked_by_when_they_were_issued() -> None:
    """Everybody's; where no token was asked for there is none to revoke."""
    revocations = Revocations(lambda: NOW)
    revocations.add(Revocation(NEVER, before=NOW))
    assert revocations.covers(grant("bob"))
    assert not revocations.covers(OPEN)


def test_a_later_revocation_never_allows_what_an_earlier_refused() -> None:
    """Of two for one user the stricter counts, and it takes one place."""
    now = [NOW]
    revocations = Revocations(lambda: now[0], limit=1)
    alice = UserName("alice")
    revocations.add(Revocation(NOW + 100, user=alice, before=NOW))
    revocations.add(Revocation(NOW + 50, user=alice, before=NOW - 100))
    assert revocations.covers(grant(issued=NOW - 1))
    now[0] += 75
    revocations.forget()
    assert len(revocations) == 1


def test_revocations_are_bounded_and_forgotten_when_they_are_over() -> None:
    """A full list takes no more, and says what to do."""
    now = [NOW]
    revocations = Revocations(lambda: now[0], limit=2)
    revocations.add(Revocation(NOW + 10, token_id="1"))
    revocations.add(Revocation(NOW + 20, token_id="2"))
    with pytest.raises(TooMany, match="2 tokens are revoked, the limit; revoke by user"):
        revocations.add(Revocation(NEVER, token_id="3"))
    now[0] += 10
    revocations.add(Revocation(NEVER, token_id="3"))
    assert len(revocations) == 2
    assert not revocations.covers(grant(token_id="1"))


_REVOCATIONS = st.builds(
    Revocation,
    until=st.floats(NOW + 1, NEVER),
    token_id=st.none() | st.text(min_size=1, max_size=5),
    user=st.none() | st.sampled_from([UserName("alice"), UserName("bob")]),
    before=st.floats(0, NEVER),
)


@given(st.lists(_REVOCATIONS, max_size=20), st.text(min_size=1, max_size=5))
def test_snapshot_and_restore_keep_everything(revoked: list[Revocation], token_id: str) -> None:
    """By way of JSON, as it travels to another process."""
    before, after = (Revocations(lambda: NOW) for _ in range(2))
    for each in revoked:
        before.add(each)
    after.restore(orjson.loads(orjson.dumps(before.snapshot())))
    assert after.snapshot() == before.snapshot()
    for held in (grant(), grant("bob", 0), grant(token_id=token_id)):
        assert after.covers(held) == before.covers(held)
