"""Releases that get through: what serves afterwards, and what those who are connected notice."""

import re
from pathlib import Path

import pytest

from tests.lab.checkout import PATIENCE, Checkout
from tests.lab.release_host import ReleaseHost

pytestmark = pytest.mark.long


def test_first_release_serves_under_the_name_of_its_commit(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """Time and commit name it: image, directory, record and /health agree."""
    commit = checkout.commit("A release")
    checkout.deploy("--witnesses", "0", GITHUB_ACTOR="somebody").succeeded()
    release = release_host.current()
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}-{commit[:12]}", release)
    assert list(release_host.containers().values()) == [f"relay:{release}"]
    assert release in release_host.releases()
    (relay,) = release_host.containers()
    policy = "docker inspect --format '{{.HostConfig.RestartPolicy.Name}}'"
    assert release_host.vps.run(f"{policy} {relay}").strip() == "unless-stopped"
    health = release_host.health()
    assert (health["commit"], health["deployed_by"]) == (commit, "somebody")


def test_changed_caddyfile_is_live_and_cuts_nobody(
    checkout: Checkout, release_host: ReleaseHost, tmp_path: Path
) -> None:
    """It is reloaded once the new relay has taken over, and clients see neither."""
    before = checkout.git("rev-parse", "HEAD")
    caddyfile = (checkout.folder / "Caddyfile.docker").read_text()
    caddy = release_host.vps.run("docker ps --quiet --filter name=caddy")
    checkout.commit(
        "Say which Caddyfile it is",
        {
            "Caddyfile.docker": caddyfile.replace(
                "\theader -Server\n", "\theader -Server\n\theader X-Caddyfile next\n"
            )
        },
    )
    summary = tmp_path / "summary.md"
    checkout.deploy("--summary", str(summary)).succeeded()
    assert release_host.headers()["X-Caddyfile"] == "next"
    assert release_host.vps.run("docker ps --quiet --filter name=caddy") == caddy
    assert "| closed | none |" in summary.read_text()
    checkout.undo(before)
    checkout.commit("Back to the Caddyfile before")
    checkout.deploy("--witnesses", "0").succeeded()
    assert "X-Caddyfile" not in release_host.headers()


def test_without_an_engine_the_host_builds_the_image(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """As where the host has another architecture than whoever deploys."""
    commit = checkout.commit("Built on the host")
    outcome = checkout.deploy("--witnesses", "0", DOCKER_HOST="unix:///nowhere").succeeded()
    assert "Build on the host" in outcome.output
    assert release_host.health()["commit"] == commit


def test_changes_that_nobody_committed_are_named_in_the_release(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """They are shipped, and the release says so in its name and to the one who deploys."""
    readme = checkout.folder / "README.md"
    text = readme.read_text()
    readme.write_text(text + "\nNot committed.\n")
    outcome = checkout.deploy("--witnesses", "0").succeeded()
    assert "changes that nobody committed: README.md" in outcome.output
    assert release_host.current().endswith("-dirty")
    readme.write_text(text)


def test_four_releases_are_remembered_and_older_ones_removed(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The current one and three before it keep their directory and their image."""
    while len(release_host.releases()) < 4:
        checkout.deploy("--witnesses", "0").succeeded()
    oldest = release_host.releases()[0]
    checkout.deploy("--witnesses", "0").succeeded()
    assert len(release_host.releases()) == 4
    assert oldest not in release_host.releases()
    assert release_host.images() == release_host.releases()


def test_two_deploys_at_once_come_one_after_the_other(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """The second waits for the first; both end well and one relay serves."""
    known = len(release_host.releases())
    first = checkout.begin("deploy", "--witnesses", "0")
    release_host.vps.wait_until(lambda: len(release_host.releases()) > known, "it has begun")
    checkout.commit("A later release")
    second = checkout.deploy("--witnesses", "0")
    output, _ = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, output
    second.succeeded()
    assert len(release_host.containers()) == 1


def test_root_deploys_as_the_user_deploy(checkout: Checkout, release_host: ReleaseHost) -> None:
    """What a release leaves on the host belongs to `deploy`, whoever ships it."""
    checkout.deploy("--witnesses", "0", HETZNER_USERNAME="root").succeeded()
    owners = release_host.vps.run("find /opt/relay/releases -printf '%u\\n' | sort -u").split()
    assert owners == ["deploy"]
    checkout.deploy("--witnesses", "0").succeeded()


def test_host_that_asks_for_tokens_gets_them(checkout: Checkout, release_host: ReleaseHost) -> None:
    """Rehearsal, witnesses and the last look carry tokens that the host's own secret signs."""
    release_host.vps.run(f"echo JWT_SECRET={'0123456789abcdef' * 4} >> /opt/relay/.env")
    try:
        checkout.deploy("--witnesses", "0").succeeded()
        outcome = checkout.deploy().succeeded()
        assert "| closed | none |" in outcome.output
        assert "| handshakes failed | 0 |" in outcome.output
    finally:
        release_host.vps.run("sed -i /^JWT_SECRET/d /opt/relay/.env")
    checkout.deploy("--witnesses", "0").succeeded()


_RELAY = "$(docker ps --quiet --filter name=relay-relay)"
_HANG = (
    f"kill -STOP $(docker inspect --format '{{{{.State.Pid}}}}' {_RELAY});"
    f"until docker inspect --format '{{{{.State.Health.Status}}}}' {_RELAY} | grep -q unhealthy;"
    "do sleep 0.2; done"
)


@pytest.mark.parametrize(
    "damage",
    [f"docker stop {_RELAY}", f"docker pause {_RELAY}", _HANG],
    ids=["stop", "pause", "hang"],
)
def test_deploy_mends_a_site_that_is_down(
    checkout: Checkout, release_host: ReleaseHost, damage: str
) -> None:
    """A relay that has stopped or hangs is no reason not to replace it."""
    release_host.vps.run(damage)
    checkout.deploy().succeeded()
    assert release_host.health()["status"] == "healthy"
    assert len(release_host.containers()) == 1
