"""What provision.yml made of a bare Debian 13, and that a second run finds nothing to do."""

import base64
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import testinfra

from infra.plan.archive import FILE, archive
from tests.lab.engine import run
from tests.lab.http_status import SITE, until_status
from tests.lab.playbook import play, provision
from tests.lab.vps import RESTART_DOCKER, SSH_OPTIONS, Vps, private_key
from tests.lab.waiting import until

pytestmark = pytest.mark.long

Lab = tuple[str, ...]


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
        "lock deploy deploy 644\n"
        "release.env deploy deploy 644\n"
        "releases deploy deploy 750\n"
        "upgrade-caddy root root 755\n"
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
    """Every day; what interrupts waits for one time of the week."""
    settings = provisioned_vps.run("apt-config dump")
    for line in (
        'APT::Periodic::Update-Package-Lists "1";',
        'APT::Periodic::Unattended-Upgrade "1";',
        'Unattended-Upgrade::Automatic-Reboot "false";',
    ):
        assert line in settings
    assert host.service("apt-daily-upgrade.timer").is_enabled
    timer = provisioned_vps.run("systemctl show maintenance.timer -p TimersCalendar -p ActiveState")
    assert "OnCalendar=Sun *-*-* 04:00:00 UTC" in timer
    assert "ActiveState=active" in timer
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


def test_provisioning_and_deploys_keep_out_of_each_others_way(
    provisioned_vps: Vps, lab: Lab
) -> None:
    """Both hold one lock, and say who has it: an update of Docker would harm a switch."""
    vps, lock = provisioned_vps, "/opt/relay/lock"
    vps.run(
        f"echo 'release R, by somebody' > {lock}; nohup flock {lock} sleep 1000 > /dev/null 2>&1 &"
    )
    vps.wait_until(lambda: bool(vps.run("pgrep -f '^[s]leep 1000' || true")), "it holds")
    try:
        refused = provision(vps, "-e", "provision_lock_wait=1", *lab)
        refused.refused(f"{vps.address} is held by another run: release R, by somebody")
    finally:
        vps.run("pkill -f '[s]leep 1000' || true")
    with ThreadPoolExecutor(1) as beside:
        provisioning = beside.submit(provision, vps, "--tags", "tuning", *lab)
        holds = f"grep -q '^provisioning by .*, since 20' {lock} && ! flock --nonblock {lock} true"
        vps.run_once(f"({holds})", "true")
        provisioning.result().succeeded()
    vps.run(f"flock --nonblock {lock} true")


def test_the_weekly_window_reboots_where_an_update_needs_it(provisioned_vps: Vps) -> None:
    """And only there."""
    vps = provisioned_vps
    vps.run("systemctl start maintenance")
    assert vps.run("systemctl show maintenance -p Result") == "Result=success\n"
    vps.run("touch /run/reboot-required; systemctl start --no-block maintenance")
    state = ("docker", "inspect", "-f", "{{.State.Running}}", vps.name)
    until(lambda: run(*state) == "false\n", "it goes down")
    vps.power_on()
    until_status(SITE, vps.address)


def test_the_site_is_back_after_a_reboot(provisioned_vps: Vps) -> None:
    """By itself, behind its firewall; and a switch of releases that was cut off is mended."""
    vps = provisioned_vps
    release = "/opt/relay/releases/20261125T101500-0123456789ab"
    program = base64.b64encode(archive()).decode()
    vps.run(
        f"mkdir {release}; echo {program} | base64 -d > {release}/{FILE};"
        f"ln -s {release} /opt/relay/switching; chown -hR deploy: /opt/relay/releases"
    )
    vps.power_off()
    vps.power_on()
    until_status(SITE, vps.address)
    assert "policy drop" in vps.run("nft list table inet relay")
    vps.wait_until(lambda: not vps.run("ls /opt/relay | grep switching || true"), "it is mended")
    vps.run(f"rm -r {release}")
