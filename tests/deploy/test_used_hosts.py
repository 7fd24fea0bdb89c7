"""provision.yml on a server that does something else: refused, and nothing is touched."""

import json

import pytest

from tests.lab.playbook import provision
from tests.lab.vps import Vps

pytestmark = pytest.mark.long

# A program of that name, as far as anybody who asks can tell.
_NGINX = "cp /usr/bin/python3 /usr/bin/nginx; systemd-run -q nginx -m http.server -b :: 80"
_DOCKER_CE = (
    "printf 'Package: docker-ce\\nStatus: install ok installed\\nMaintainer: x\\n"
    "Architecture: amd64\\nVersion: 1\\nDescription: x\\n\\n' >> /var/lib/dpkg/status"
)
_DOCKER = (
    "printf '#!/bin/sh\\necho wordpress\\n' > /usr/local/bin/docker;chmod +x /usr/local/bin/docker"
)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            _NGINX,
            "has nginx on port 80, where Caddy is to listen: stop it, or bring your own proxy",
        ),
        (_DOCKER_CE, "has docker-ce, Docker's own packages, and this playbook installs Debian's"),
        (
            "mkdir -p /etc/docker; echo {} > /etc/docker/daemon.json",
            "has an /etc/docker/daemon.json of somebody else's, which this playbook would replace",
        ),
        (
            "echo '# mine' > /etc/nftables.conf",
            "has an /etc/nftables.conf of somebody else's, which this playbook would replace",
        ),
        (
            "mkdir -p /etc/ufw; echo ENABLED=yes > /etc/ufw/ufw.conf",
            "has ufw, which keeps ports 80 and 443 closed whatever this playbook opens",
        ),
        (_DOCKER, "runs containers of somebody else's (wordpress), which the firewall would cut"),
    ],
    ids=["port", "docker-ce", "daemon.json", "nftables", "ufw", "containers"],
)
def test_a_server_in_use_is_refused(bare_vps: Vps, made: str, sentence: str) -> None:
    """Each with its sentence; no package is installed."""
    bare_vps.run(made)
    packages = bare_vps.run("dpkg-query --show | md5sum")
    provision(bare_vps).refused(f"{bare_vps.address} {sentence}")
    assert bare_vps.run("dpkg-query --show | md5sum") == packages


def test_a_domain_that_does_not_point_here_is_refused_before_anything_is_touched(
    bare_vps: Vps,
) -> None:
    """In the first minute, not in the last role."""
    elsewhere = {"relay.lab.test": "192.0.2.1"}
    provision(bare_vps, RELAY_DOMAIN="relay.lab.test", names=elsewhere).refused(
        f"relay.lab.test points to 192.0.2.1, and this host is {bare_vps.address}"
    )
    assert "no" in bare_vps.run("command -v dockerd || echo no")


def test_a_host_that_was_made_half_way_is_made_whole(bare_vps: Vps, lab: tuple[str, ...]) -> None:
    """What failed fails again until it is mended; what is there already is not somebody else's."""
    bare_vps.run("apt-get update -qq")  # which the role that is left out would do
    tags = ("--tags", "firewall,docker,tuning", *lab)
    unknown = [{"name": "net.ipv4.nothing_of_that_name", "value": "1", "reason": "None."}]
    broken = json.dumps({"tuning_network_sysctls": unknown})
    for _ in range(2):
        provision(bare_vps, *tags, "-e", broken).refused("nothing_of_that_name")
    provision(bare_vps, *tags).succeeded()
    assert bare_vps.run("sysctl -n net.ipv4.tcp_congestion_control") == "bbr\n"
