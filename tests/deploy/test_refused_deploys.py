"""Deploys that are refused before anything is sent: a sentence says why, the relay serves on."""

from pathlib import Path

import pytest

from tests.lab.checkout import Checkout
from tests.lab.engine import run
from tests.lab.playbook import provision
from tests.lab.release_host import ReleaseHost, Untouched
from tests.lab.vps import Vps, private_key

pytestmark = pytest.mark.long


def test_second_deploy_gives_up_when_the_first_does_not_end(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """It says who holds the host."""
    before = Untouched(release_host)
    lock = "/opt/relay/lock"
    release_host.vps.run(
        f"echo 'release R, by somebody, since 12:00:00 UTC' > {lock}; "
        f"nohup flock {lock} sleep 1000 > /dev/null 2>&1 &"
    )
    release_host.vps.wait_until(
        lambda: bool(release_host.vps.run("pgrep -f '^[s]leep 1000' || true")), "it holds"
    )
    try:
        checkout.deploy("--wait", "2").refused("did not end within 2 s: release R, by somebody")
        before.check()
    finally:
        release_host.vps.run("pkill -f '[s]leep 1000' || true")


def test_older_commit_is_refused_unless_it_is_forced(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """It is an ancestor of what runs; the sentence says how to go back all the same."""
    newer = checkout.commit("The newer one")
    checkout.deploy("--witnesses", "0").succeeded()
    before = Untouched(release_host)
    checkout.git("checkout", "--quiet", "HEAD~1")
    try:
        checkout.deploy().refused("one of its ancestors")
        before.check()
        commit = checkout.git("rev-parse", "HEAD")
        checkout.deploy("--force", "--witnesses", "0").succeeded()
        assert release_host.health()["commit"] == commit
    finally:
        checkout.git("checkout", "--quiet", "-")
        checkout.undo(newer)


def test_wrong_key_is_one_sentence(
    checkout: Checkout, release_host: ReleaseHost, tmp_path: Path
) -> None:
    """A stranger's key, text that is no key, a key with a passphrase, another host's key."""
    before = Untouched(release_host)
    for name, phrase in (("stranger", ""), ("locked", "secret")):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", tmp_path / name)
    stranger = (tmp_path / "stranger").read_text()
    locked = (tmp_path / "locked").read_text()
    public = (tmp_path / "stranger.pub").read_text()
    checkout.deploy(HETZNER_SSH_KEY=stranger).refused("is not the key of deploy@")
    checkout.deploy(HETZNER_SSH_KEY="id_ed25519").refused("is not a private key")
    checkout.deploy(HETZNER_SSH_KEY=locked).refused("protected by a passphrase")
    checkout.deploy(HETZNER_HOST_KEY=public).refused("does not show the host key")
    checkout.deploy(HETZNER_HOST_KEY="what?").refused("HETZNER_HOST_KEY is not a host key")
    checkout.deploy(HETZNER_HOST="").refused("HETZNER_HOST is not set")
    before.check()


def test_key_as_a_browser_pastes_it_is_good_and_an_unknown_host_is_warned_about(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """CRs and a missing last newline do no harm; without HETZNER_HOST_KEY there is a warning."""
    key = private_key().read_text().strip().replace("\n", "\r\n")
    outcome = checkout.rollback("no-such-release", HETZNER_SSH_KEY=key, HETZNER_HOST_KEY="")
    outcome.refused("does not remember release no-such-release")
    assert "nothing says which host key" in outcome.output
    assert release_host.vps.run("cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub").strip() in (
        outcome.output
    )


def test_caddy_that_does_not_know_its_new_domain_is_noticed(
    checkout: Checkout, release_host: ReleaseHost
) -> None:
    """Before clients are moved to a release that nobody could reach by that name, and back."""
    before = Untouched(release_host)
    settings = release_host.vps.run("cat /opt/relay/.env")
    release_host.vps.run("sed -i s/^RELAY_DOMAIN=.*/RELAY_DOMAIN=relay.test/ /opt/relay/.env")
    try:
        checkout.deploy().refused(" TAGS=caddy_upgrade, which cuts every")
        before.check()
    finally:
        release_host.vps.run(f"printf %s '{settings}' > /opt/relay/.env")


def test_host_whose_caddy_lacks_the_relays_socket_is_told_what_to_do(
    checkout: Checkout, release_host: ReleaseHost, lab: tuple[str, ...]
) -> None:
    """As provisioned before relays handed over: one upgrade, after which releases get through."""
    vps = release_host.vps
    # It published its ports then, and the filter let them through.
    older = (
        "/relay_socket:/d; s/RELAY_UPSTREAMS:-.*}/RELAY_UPSTREAMS:-relay:8080}/; /CADDY_ADMIN:/d;"
        's/^    network_mode: host/    ports: ["80:80", "443:443"]/'
    )
    vps.run(
        f"cd /opt/relay; sed -i '{older}' docker-compose.yml; chown deploy: docker-compose.yml;"
        "sed -i '/iifname {/a ct status dnat meta l4proto tcp accept' /etc/nftables.conf;"
        "systemctl reload nftables;"
        "./compose up --detach --no-deps --wait caddy 2>&1"
    )
    before = Untouched(release_host)
    checkout.deploy().refused(" TAGS=all,caddy_upgrade, which brings it")
    before.check()
    told = provision(vps, *lab).succeeded()
    assert "replaces Caddy, which cuts every open WebSocket once" in told.words
    provision(vps, "--tags", "caddy_upgrade", *lab).succeeded()
    checkout.deploy("--witnesses", "0").succeeded()
    assert "| closed | none |" in checkout.deploy().succeeded().output


def test_bare_host_is_told_from_a_provisioned_one(checkout: Checkout, bare_vps: Vps) -> None:
    """The sentence names the verb that helps."""
    bare_vps.run("useradd --create-home deploy")
    checkout.deploy(
        HETZNER_HOST=bare_vps.address, HETZNER_USERNAME="root", HETZNER_HOST_KEY=""
    ).refused("is not provisioned: make provision HOST=")
