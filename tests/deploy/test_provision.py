"""What provision.yml made of a bare Debian 13, and that a second run finds nothing to do."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import testinfra

from tests.lab.engine import run
from tests.lab.playbook import Outcome, play, provision
from tests.lab.registry import Registry
from tests.lab.vps import SSH_OPTIONS, Vps, private_key
from tests.lab.waiting import until

Lab = tuple[str, ...]
SITE = "404"  # what Caddy answers on the path below
# Three starts a minute are all that its unit allows.
RESTART_DOCKER = "systemctl reset-failed docker; systemctl restart docker"


@pytest.fixture(scope="module")
def host(provisioned_vps: Vps) -> Any:
    """The server as testinfra sees it, by SSH."""
    return testinfra.get_host(
        f"ssh://root@{provisioned_vps.address}",
        ssh_identity_file=str(private_key()),
        ssh_extra_args=" ".join(SSH_OPTIONS),
    )


def test_a_second_run_by_a_user_of_sudo_changes_nothing(provisioned_vps: Vps, lab: Lab) -> None:
    """Root made it; an administrator with another name finds it as it should be."""
    provisioned_vps.run(
        "id admin 2>/dev/null || useradd -m -s /bin/bash admin;"
        "echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin;"
        "cp -r /root/.ssh /home/admin/; chown -R admin: /home/admin"
    )
    outcome = provision(provisioned_vps, *lab, user="admin").succeeded()
    assert outcome.changed == 0, outcome.output


def test_a_dry_run_names_what_has_drifted_and_leaves_it(provisioned_vps: Vps, lab: Lab) -> None:
    """One file differs, so one task would change something."""
    provisioned_vps.run("echo '# drift' >> /opt/relay/compose")
    outcome = provision(provisioned_vps, "--check", "--diff", *lab).succeeded()
    assert outcome.changed == 1
    assert "-# drift" in outcome.output
    assert "# drift" in provisioned_vps.run("cat /opt/relay/compose")
    provisioned_vps.run("sed -i '/# drift/d' /opt/relay/compose")


def test_services_run_now_and_after_a_reboot(host: Any) -> None:
    """What the site needs is started by systemd."""
    for name in ("ssh", "nftables", "docker"):
        assert host.service(name).is_running, name
        assert host.service(name).is_enabled, name


def test_the_user_deploy_can_only_deploy(provisioned_vps: Vps, host: Any) -> None:
    """In the group docker, no sudo, no password, and the key that provisions logs in."""
    deploy = host.user("deploy")
    assert deploy.groups == ["deploy", "docker"]
    assert deploy.password.startswith("!")
    assert provisioned_vps.ssh("sudo -n true", user="deploy").returncode != 0
    answer = provisioned_vps.ssh("/opt/relay/compose ps --services", user="deploy")
    assert answer.stdout.split() == ["caddy"]


def test_files_belong_to_whoever_writes_them(provisioned_vps: Vps) -> None:
    """Settings and wrapper are root's, what releases bring is deploy's."""
    assert provisioned_vps.run("cd /opt/relay; stat -c '%n %U %G %a' . .env * | sort") == (
        ". deploy deploy 750\n"
        ".env root deploy 640\n"
        "Caddyfile.docker deploy deploy 644\n"
        "compose root root 755\n"
        "docker-compose.yml deploy deploy 644\n"
        "release.env deploy deploy 644\n"
        "releases deploy deploy 750\n"
    )
    assert "\nRELAY_IMAGE=relay:none\n" in provisioned_vps.run("cat /opt/relay/release.env")


def test_sshd_takes_keys_only(provisioned_vps: Vps) -> None:
    """Its effective settings say so, and a password is not even asked for."""
    settings = dict(
        line.split(" ", 1) for line in provisioned_vps.run("sshd -T").splitlines() if " " in line
    )
    assert settings["passwordauthentication"] == "no"
    assert settings["kbdinteractiveauthentication"] == "no"
    assert settings["permitrootlogin"] == "without-password"
    assert settings["x11forwarding"] == "no"
    # What pyinfra's paramiko speaks.
    assert "aes256-ctr" in settings["ciphers"]
    assert "curve25519-sha256@libssh.org" in settings["kexalgorithms"]
    weak = re.compile(r"cbc|sha1|-md5|arcfour|group1-|nistp")
    for algorithms in ("ciphers", "kexalgorithms", "macs"):
        assert not weak.search(settings[algorithms]), settings[algorithms]
    assert provisioned_vps.run("passwd --status root").split()[1] == "L"
    refused = subprocess.run(
        [
            *("ssh", "-o", "PreferredAuthentications=password", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *(f"root@{provisioned_vps.address}", "true"),
        ],
        capture_output=True,
        text=True,
    )
    assert "Permission denied (publickey)" in refused.stderr


def test_security_updates_install_themselves(provisioned_vps: Vps, host: Any) -> None:
    """Every day, with a reboot at night when one is needed."""
    settings = provisioned_vps.run("apt-config dump")
    for line in (
        'APT::Periodic::Update-Package-Lists "1";',
        'APT::Periodic::Unattended-Upgrade "1";',
        'Unattended-Upgrade::Automatic-Reboot "true";',
        'Unattended-Upgrade::Automatic-Reboot-Time "04:00";',
    ):
        assert line in settings
    assert host.service("apt-daily-upgrade.timer").is_enabled
    assert "label=Debian-Security" in settings
    assert host.file("/etc/localtime").linked_to == "/usr/share/zoneinfo/Etc/UTC"


def test_kernel_limits_are_set_and_say_why(host: Any) -> None:
    """Those that a container may set; each has its reason beside it."""
    assert host.sysctl("net.ipv4.tcp_congestion_control") == "bbr"
    assert host.sysctl("net.netfilter.nf_conntrack_tcp_timeout_established") == 86400
    text = host.file("/etc/sysctl.d/60-relay.conf").content_string
    settings = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    for setting in settings:
        before = text[: text.index(setting)].rstrip("\n").rsplit("\n", 1)[-1]
        assert before.startswith("# "), text


def test_docker_keeps_containers_through_its_own_restart(provisioned_vps: Vps) -> None:
    """live-restore: an upgrade of the engine cuts nobody."""
    started = provisioned_vps.run("docker inspect -f '{{.State.StartedAt}}' relay-caddy-1")
    provisioned_vps.run(RESTART_DOCKER)
    assert started == provisioned_vps.run("docker inspect -f '{{.State.StartedAt}}' relay-caddy-1")
    until_status(SITE, provisioned_vps.address)


def test_the_host_key_line_names_this_host(provisioned_vps: Vps) -> None:
    """HETZNER_HOST_KEY is what ssh-keyscan sees; the environment is enough to find the host."""
    outcome = play(
        *("provision.yml", "--tags", "nothing-but-always"),
        HETZNER_HOST=provisioned_vps.address,
        HETZNER_SSH_KEY=private_key().read_text().strip().replace("\n", "\r\n"),
        ANSIBLE_SSH_AGENT="auto",
        ANSIBLE_SSH_COMMON_ARGS=" ".join(SSH_OPTIONS),
    ).succeeded()
    seen = run("ssh-keyscan", "-t", "ed25519", provisioned_vps.address).splitlines()[-1]
    assert seen in outcome.words


# The firewall, over the bridge address: nothing else stands before it.


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


def status(address: str, port: int = 80, *via: str) -> str:
    """Return the HTTP status that an address answers with; "000" if it does not answer.

    Without a relay Caddy tries for seconds; that it hides the relay's counters it says at once.
    """
    path = "metrics" if port == 80 else ""
    return run(
        *(*via, "curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}"),
        f"http://{address}:{port}/{path}",
        check=False,
    )


def until_status(expected: str, address: str, port: int = 80, *via: str) -> None:
    """Wait for this status: a busy machine may need more than one try."""
    until(lambda: status(address, port, *via) == expected, f"{address}:{port} answers {expected}")


def test_only_ssh_http_and_https_are_reachable(provisioned_vps: Vps, registry: Registry) -> None:
    """Neither a listener of the host nor a published container, after every kind of reload."""
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
    finally:
        vps.run("systemctl start nftables; ip netns del outside; ip link del inner", check=False)


# Settings and secrets.


def test_only_listed_keys_may_deploy(provisioned_vps: Vps, tmp_path: Path) -> None:
    """The list replaces what was there; without one, whoever provisions may deploy."""
    vps = provisioned_vps
    other = tmp_path / "other"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
    keys = json.dumps({"relay_host_deploy_keys": [other.with_suffix(".pub").read_text().strip()]})
    provision(vps, "--tags", "deploy_keys", "-e", keys).succeeded()
    assert vps.ssh("true", user="deploy", key=other).returncode == 0
    assert vps.ssh("true", user="deploy").returncode == 255
    provision(vps, "--tags", "deploy_keys").succeeded()
    assert vps.ssh("true", user="deploy", key=other).returncode == 255
    assert vps.ssh("true", user="deploy").returncode == 0


def settings(vps: Vps, *arguments: str, **given: Any) -> Outcome:
    """Run the part of the playbook that writes `.env`."""
    return provision(vps, "--tags", "relay_host", "--diff", *arguments, **given)


def test_settings_that_nobody_reads_are_refused(provisioned_vps: Vps) -> None:
    """A typing error is found here, not by a setting that has no effect."""
    settings(provisioned_vps, "-e", '{"relay_host_settings": {"MAX_CONECTIONS": 5}}').refused(
        "relay_host_settings has MAX_CONECTIONS, and docker-compose.yml knows only ALLOWED_ORIGINS,"
    )


def test_a_domain_must_point_here(provisioned_vps: Vps) -> None:
    """It is asked before Caddy asks an authority, which counts failures."""
    vps = provisioned_vps
    settings(vps, RELAY_DOMAIN="relay.invalid").refused(
        f"relay.invalid does not resolve, and this host is {vps.address}: make its A record point"
    )
    elsewhere = {"relay.lab.test": "192.0.2.1"}
    settings(vps, RELAY_DOMAIN="relay.lab.test", names=elsewhere).refused(
        f"relay.lab.test points to 192.0.2.1, and this host is {vps.address}"
    )
    unchecked = ("--check", "-e", "relay_host_domain_check=false")
    settings(vps, *unchecked, RELAY_DOMAIN="relay.invalid").succeeded()


def test_domain_and_secret_stay_until_told_otherwise(provisioned_vps: Vps) -> None:
    """A run whose environment lacks them takes neither away; the secret is never shown."""
    vps = provisioned_vps
    here = {"relay.lab.test": vps.address}
    first = settings(
        *(vps, "-e", "relay_host_tokens=true"),
        names=here,
        RELAY_DOMAIN="relay.lab.test",
        ACME_EMAIL="me@lab.test",
        # Nobody's: a test asks no authority. Its = has to be quoted, and read back without quotes.
        ACME_CA="https://127.0.0.1:1/dir?of=lab",
    ).succeeded()
    secret = vps.run("cat /opt/relay/jwt_secret").strip()
    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert vps.run("stat -c '%U %a' /opt/relay/jwt_secret") == "root 600\n"
    written = vps.run("cat /opt/relay/.env")
    assert "\nRELAY_DOMAIN=relay.lab.test\nACME_EMAIL=me@lab.test\n" in written
    assert "\nACME_CA='https://127.0.0.1:1/dir?of=lab'\n" in written
    assert f"\nJWT_SECRET={secret}\n" in written
    until_status("308", vps.address)

    second = settings(vps, names=here).succeeded()
    assert second.changed == 0
    assert "It will answer at https://relay.lab.test/." in second.words
    assert vps.run("cat /opt/relay/.env") == written
    for outcome in (first, second):
        assert secret not in outcome.output

    none = {"RELAY_DOMAIN": "none", "ACME_EMAIL": "none", "ACME_CA": "none"}
    settings(vps, "-e", "relay_host_tokens=false", **none).succeeded()
    emptied = vps.run("cat /opt/relay/.env")
    assert "\nRELAY_DOMAIN=\nACME_EMAIL=\nACME_CA=\n" in emptied
    assert "JWT_SECRET" not in emptied
    until_status(SITE, vps.address)


def test_caddy_is_replaced_only_when_asked(provisioned_vps: Vps) -> None:
    """Once a relay runs, new settings wait for the tag that cuts sockets, and the run says so."""
    vps = provisioned_vps
    # Any container of the service counts as a relay that may have clients.
    vps.run(
        "echo RELAY_IMAGE=caddy:2 > /opt/relay/release.env;"
        "/opt/relay/compose up -d --no-deps relay 2>&1"
    )
    before = vps.run("/opt/relay/compose ps -q caddy")
    larger = ("-e", '{"relay_host_settings": {"MAX_MESSAGE_SIZE": "20MB"}}')
    outcome = settings(vps, *larger).succeeded()
    assert "replacing it cuts every open WebSocket" in outcome.words
    assert outcome.changed == 1, "more than .env was touched"
    assert vps.run("/opt/relay/compose ps -q caddy") == before
    upgrade = provision(vps, "--tags", "caddy_upgrade").succeeded()
    assert "Every open WebSocket is cut" in upgrade.words
    assert vps.run("/opt/relay/compose ps -q caddy") != before
    vps.run(
        "/opt/relay/compose rm -sf relay 2>&1; echo RELAY_IMAGE=relay:none > /opt/relay/release.env"
    )


def test_the_site_is_back_after_a_reboot(provisioned_vps: Vps) -> None:
    """By itself, behind its firewall."""
    vps = provisioned_vps
    vps.power_off()
    vps.power_on()
    until_status(SITE, vps.address)
    assert "policy drop" in vps.run("nft list table inet relay")
