"""What the firewall lets through, over the bridge address: nothing else stands before it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.http_status import SITE, status, until_status
from tests.lab.registry import Registry
from tests.lab.vps import RESTART_DOCKER, Vps

pytestmark = pytest.mark.long


@contextmanager
def listeners(vps: Vps) -> Iterator[None]:
    """A program of the host listens on 9998, and a container publishes 9999."""
    vps.run("systemd-run --quiet --unit listener python3 -m http.server --bind :: 9998")
    vps.run("docker run -d --name listener -p 9999:80 caddy:2 caddy respond --listen :80 hello")
    try:
        for port in (9998, 9999):
            until_status("200", "127.0.0.1", port, "docker", "exec", vps.name)
        yield
    finally:
        vps.run("docker rm -f listener; systemctl stop listener")


def test_only_ssh_http_and_https_are_reachable(provisioned_vps: Vps, registry: Registry) -> None:
    """Neither a listener of the host nor a published container, whatever is reloaded."""
    vps = provisioned_vps
    address = vps.bridge_address
    with listeners(vps):
        vps.run("systemctl stop nftables")
        for port in (9998, 9999):
            until_status("200", address, port)
        until_status(SITE, address)
        vps.run("systemctl start nftables")
        for event in ("true", RESTART_DOCKER, "systemctl reload nftables"):
            vps.run(event)
            assert (status(address, 9998), status(address, 9999)) == ("000", "000"), event
            until_status(SITE, address)
        # Containers still reach the world.
        assert "library/caddy" in vps.run(
            f"docker exec listener wget -q -O - {registry.url}/v2/_catalog"
        )


def test_ipv6_and_routes_to_containers_are_closed_too(provisioned_vps: Vps) -> None:
    """A neighbour that speaks IPv6, or that sends to a container's own address."""
    vps = provisioned_vps
    vps.run(
        "ip netns add outside; ip link add inner type veth peer name outer netns outside;"
        "ip addr add fd77::1/64 dev inner nodad; ip addr add 192.0.2.1/24 dev inner;"
        "ip link set inner up; ip -n outside link set lo up; ip -n outside link set outer up;"
        "ip netns exec outside sysctl -q net.ipv6.conf.all.disable_ipv6=0;"
        "ip -n outside addr add fd77::2/64 dev outer nodad;"
        "ip -n outside addr add 192.0.2.2/24 dev outer;"
        "ip -n outside route add default via 192.0.2.1"
    )
    outside = ("docker", "exec", vps.name, "ip", "netns", "exec", "outside")
    try:
        # Docker forwards IPv6 by a program that asks for its sockets when a container starts.
        vps.run("systemctl stop nftables")
        with listeners(vps):
            container = vps.run("docker inspect -f '{{.NetworkSettings.IPAddress}}' listener")
            routed = container.strip()
            until_status("200", "[fd77::1]", 9998, *outside)
            until_status("200", "[fd77::1]", 9999, *outside)
            until_status("200", routed, 80, *outside)
            vps.run("systemctl start nftables")
            assert status("[fd77::1]", 9998, *outside) == "000"
            assert status("[fd77::1]", 9999, *outside) == "000"
            assert status("192.0.2.1", 9999, *outside) == "000"
            assert status(routed, 80, *outside) == "000"
            until_status(SITE, "192.0.2.1", 80, *outside)
            until_status(SITE, "[fd77::1]", 80, *outside)
            # Not the address of a gateway: limits per address count this one.
            assert '"client_ip":"fd77::2"' in vps.run("docker logs relay-caddy-1 2>&1")
    finally:
        vps.run("systemctl start nftables; ip netns del outside; ip link del inner", check=False)
