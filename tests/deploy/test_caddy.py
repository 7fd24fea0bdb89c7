"""When Caddy is replaced, and by what: everybody who is connected goes through it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.http_status import SITE, until_status
from tests.lab.playbook import provision
from tests.lab.vps import Vps

Lab = tuple[str, ...]

_CADDY = "/opt/relay/compose ps -q caddy"
_NETWORK = "docker inspect -f '{{.HostConfig.NetworkMode}}' relay-caddy-1"
_STACK = "/opt/relay/docker-compose.yml"


@contextmanager
def serving(vps: Vps) -> Iterator[None]:
    """A relay runs: any container of the service counts as one that may have clients."""
    vps.run(
        "echo RELAY_IMAGE=caddy:2 > /opt/relay/release.env;"
        "/opt/relay/compose up -d --no-deps relay 2>&1"
    )
    try:
        yield
    finally:
        vps.run(
            "/opt/relay/compose rm -sf relay 2>&1;"
            "echo RELAY_IMAGE=relay:none > /opt/relay/release.env"
        )


def test_it_is_replaced_only_when_asked(provisioned_vps: Vps) -> None:
    """Once a relay runs, new settings wait for the tag that cuts sockets, and the run says so."""
    vps = provisioned_vps
    with serving(vps):
        before = vps.run(_CADDY)
        larger = ("-e", '{"relay_host_settings": {"MAX_MESSAGE_SIZE": "20MB"}}')
        outcome = provision(vps, "--tags", "relay_host", *larger).succeeded()
        assert "replacing it cuts every open WebSocket" in outcome.words
        assert outcome.changed == 1, "more than .env was touched"
        assert vps.run(_CADDY) == before
        # The tag alone writes the settings, too: whoever cuts everybody wants them to count.
        even_larger = ("-e", '{"relay_host_settings": {"MAX_MESSAGE_SIZE": "25MB"}}')
        upgrade = provision(vps, "--tags", "caddy_upgrade", *even_larger).succeeded()
        assert "Every open WebSocket is cut" in upgrade.words
        assert vps.run(_CADDY) != before
        assert "25MB" in vps.run("docker exec relay-caddy-1 printenv MAX_MESSAGE_SIZE")
    provision(vps, "--tags", "relay_host").succeeded()


def test_the_weekly_window_replaces_it_where_something_is_new(provisioned_vps: Vps) -> None:
    """A setting or an image: nobody has to remember it. Else everybody stays connected."""
    vps = provisioned_vps
    with serving(vps):
        before = vps.run(_CADDY)
        vps.run("systemctl start maintenance")
        assert vps.run(_CADDY) == before
        larger = ("-e", '{"relay_host_settings": {"MAX_MESSAGE_SIZE": "30MB"}}')
        provision(vps, "--tags", "relay_host", *larger).succeeded()
        vps.run("systemctl start maintenance")
        assert vps.run(_CADDY) != before
    provision(vps, "--tags", "relay_host").succeeded()


def test_a_domain_that_is_added_later_counts_once_it_is_replaced(provisioned_vps: Vps) -> None:
    """By one command from a laptop: the settings are written before Caddy is started by them."""
    vps = provisioned_vps
    names = {"relay.lab.test": vps.address}
    nobody = "https://127.0.0.1:1/directory"  # a test asks no authority
    asked = ("--tags", "caddy_upgrade")
    domain = "relay.lab.test"
    provision(vps, *asked, names=names, RELAY_DOMAIN=domain, ACME_CA=nobody).succeeded()
    assert "relay.lab.test" in vps.run("docker exec relay-caddy-1 printenv RELAY_SITES")
    until_status("308", vps.address)
    provision(vps, *asked, RELAY_DOMAIN="none", ACME_CA="none").succeeded()
    until_status(SITE, vps.address)


@pytest.mark.long
def test_one_that_does_not_answer_is_not_taken_for_one_that_serves(provisioned_vps: Vps) -> None:
    """It runs all the same; the run ends, and says so."""
    vps = provisioned_vps
    block = "INPUT --in-interface lo --protocol tcp --dport 80 --jump REJECT"
    vps.run(f"iptables --insert {block}")
    try:
        health = "docker inspect -f '{{.State.Health.Status}}' relay-caddy-1"
        vps.wait_until(lambda: vps.run(health) == "unhealthy\n", "Docker calls it unhealthy")
        provision(vps, "--tags", "relay_host").refused("relay-caddy-1 is unhealthy")
    finally:
        vps.run(f"iptables --delete {block}")
    assert provision(vps, "--tags", "relay_host").succeeded().changed == 0


@pytest.mark.long
def test_one_that_publishes_its_ports_is_moved_to_the_hosts_network_when_asked(
    provisioned_vps: Vps, lab: Lab
) -> None:
    """As hosts had it before: a run says what will be done, and until then it goes on serving."""
    vps = provisioned_vps
    _publish(vps)
    until_status(SITE, vps.bridge_address)
    with serving(vps):
        before = vps.run(_CADDY)
        told = provision(vps, *lab).succeeded()
        assert "it is recreated once, which cuts every open WebSocket. Run this" in told.words
        assert vps.run(_CADDY) == before
        until_status(SITE, vps.bridge_address)
        moved = provision(vps, "--tags", "all,caddy_upgrade", *lab).succeeded()
        assert "it is recreated once, which cuts every open WebSocket. This run" in moved.words
        assert vps.run(_NETWORK) == "host\n"
        assert "ct status dnat" not in vps.run("nft list table inet relay")
        until_status(SITE, vps.bridge_address)
    assert provision(vps, *lab).succeeded().changed == 0


def _publish(vps: Vps) -> None:
    """Have Caddy and the filter as they were: ports through Docker, let through for it alone."""
    vps.run(
        f'sed -i \'s/^    network_mode: host/    ports: ["80:80", "443:443"]/\' {_STACK};'
        f"sed -i '/CADDY_ADMIN:/d' {_STACK}; grep -q '80:80' {_STACK};"
        "/opt/relay/compose up -d --no-deps caddy 2>&1;"
        "sed -i '/iifname {/a ct status dnat meta l4proto tcp accept' /etc/nftables.conf;"
        "systemctl reload nftables"
    )
    assert vps.run(_NETWORK) != "host\n"
