"""Going back to what has served."""

import pytest

from tests.lab.checkout import Checkout
from tests.lab.release_host import ReleaseHost

pytestmark = pytest.mark.long


@pytest.fixture
def remembered(checkout: Checkout, release_host: ReleaseHost) -> list[str]:
    """Four releases, the oldest first; the last one serves."""
    while len(release_host.releases()) < 4 or release_host.current() != release_host.newest():
        checkout.commit("One more")
        checkout.deploy("--witnesses", "0").succeeded()
    return release_host.releases()


def test_rollback_goes_to_each_of_the_last_three(
    checkout: Checkout, release_host: ReleaseHost, remembered: list[str]
) -> None:
    """Without a name to the one before, again and again; with a name there at once, and forth."""
    *older, newest = remembered
    for release in reversed(older):
        outcome = checkout.rollback("--witnesses", "4").succeeded()
        assert "| handshakes failed | 0 |" in outcome.output
        assert "| closed | none |" in outcome.output
        _serves(release_host, release)
    checkout.rollback().refused("there is no release before")
    checkout.rollback(newest, "--witnesses", "0").succeeded()
    _serves(release_host, newest)
    assert release_host.releases() == remembered


def test_rollback_never_chooses_a_release_that_was_gone_back_from(
    checkout: Checkout, release_host: ReleaseHost, remembered: list[str]
) -> None:
    """Gone back from the last one, and another deployed: what was before it is gone back to."""
    *_, before, _ = remembered
    checkout.rollback("--witnesses", "0").succeeded()
    _serves(release_host, before)
    checkout.commit("The next one")
    checkout.deploy("--witnesses", "0").succeeded()
    checkout.rollback("--witnesses", "0").succeeded()
    _serves(release_host, before)
    checkout.rollback(release_host.newest(), "--witnesses", "0").succeeded()


def test_rollback_to_what_serves_or_was_never_there_is_refused(
    checkout: Checkout, release_host: ReleaseHost, remembered: list[str]
) -> None:
    """The sentence lists what the host remembers."""
    checkout.rollback(remembered[-1]).refused(
        f"is the release that serves: it remembers {', '.join(remembered[:-1])}"
    )
    checkout.rollback("20200101T000000-000000000000").refused("does not remember release 2020")
    _serves(release_host, remembered[-1])


def _serves(host: ReleaseHost, release: str) -> None:
    assert host.current() == release
    assert list(host.containers().values()) == [f"relay:{release}"]
    assert str(host.health()["commit"]).startswith(release.split("-")[1])
