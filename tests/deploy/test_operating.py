"""Looking after a host: what it is like, whether all is well, and deploys held back."""

import pytest

from tests.lab.checkout import Checkout
from tests.lab.release_host import ReleaseHost

pytestmark = pytest.mark.long


def test_status_tells_what_serves_and_what_came_before(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """Release, members, memory, disk, the last handover and the last deploys."""
    checkout.deploy("--witnesses", "0").succeeded()
    said = checkout.operate("status").succeeded().output
    current = release_host.current()
    assert f"{current}, deployed by" in said
    for label in ("serves since", "members", "last handover", "memory", "disk /", "last boot"):
        assert f"\n{label} " in said, said
    assert "connections, frozen for" in said
    assert f"{current} kept" in said
    assert "cannot be seen" not in said


def test_a_hold_is_respected_by_deploys_and_not_by_rollbacks(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """Whoever deploys is told who holds them back, and why."""
    checkout.deploy("--witnesses", "0").succeeded()
    current = release_host.current()
    checkout.operate("hold", "the", "launch").succeeded()
    try:
        refused = checkout.deploy("--force", "--witnesses", "0")
        refused.refused(f"deploys to {release_host.address} are held back by ")
        assert " UTC: the launch: make unhold" in refused.output
        assert release_host.current() == current
        assert ": the launch" in checkout.operate("status").succeeded().output
        checkout.rollback("--witnesses", "0").succeeded()
    finally:
        checkout.operate("unhold").succeeded()
    checkout.deploy("--witnesses", "0").succeeded()


def test_watch_is_content_with_a_host_that_is_well_and_tells_of_a_crash(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """By its exit code and a sentence, which GitHub mails; tokens are made where they are asked."""
    vps = release_host.vps
    checkout.deploy("--witnesses", "0").succeeded()
    assert "all is well: a message came through" in checkout.operate("watch").succeeded().output
    vps.run("kill -9 $(docker inspect -f '{{.State.Pid}}' $(docker ps -q -f name=relay-relay))")
    restarts = "docker inspect -f '{{.RestartCount}}' $(docker ps -q -f name=relay-relay)"
    vps.wait_until(lambda: vps.run(restarts, check=False) == "1\n", "it is started again")
    vps.wait_until(lambda: release_host.answers(), "it serves again")
    checkout.operate("watch").refused("relay ended by itself, and Docker started it again at ")
    # On GitHub it stands above the log of the run.
    shown = checkout.operate("watch", GITHUB_ACTIONS="true").output
    assert "::error::relay ended by itself" in shown
    checkout.deploy("--witnesses", "0").succeeded()  # another container, which never crashed
    checkout.operate("watch").succeeded()


def test_watch_tells_of_a_site_that_is_down(checkout: Checkout, release_host: ReleaseHost) -> None:
    """Each fact in a sentence of its own."""
    release_host.vps.run("docker stop $(docker ps -q -f name=relay-relay)")
    outcome = checkout.operate("watch")
    assert outcome.code == 1
    assert "relay: no container of relay runs: make logs" in outcome.output
    assert "relay: no message came through the public address: " in outcome.output
    checkout.deploy("--witnesses", "0").succeeded()
