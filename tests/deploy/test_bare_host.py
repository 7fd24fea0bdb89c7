"""provision.yml on a server's first day: what it refuses, what it waits for, what it would do."""

import json

from tests.lab.playbook import play, provision
from tests.lab.vps import Vps

HOLD_APT_FOR_TEN_SECONDS = (
    'import fcntl, time; lock = open("/var/lib/apt/lists/lock", "w");'
    "fcntl.lockf(lock, fcntl.LOCK_EX); time.sleep(10)"
)


def test_a_run_without_a_host_says_how_to_name_one() -> None:
    """The inventory takes the host from the environment, which may lack it."""
    play("provision.yml").refused("no host is named: set HETZNER_HOST, or run ansible-playbook -i")


def test_anything_but_debian_13_is_refused_in_one_sentence(bare_vps: Vps) -> None:
    """The refusal names what the host runs and what to do."""
    bare_vps.run("sed -i 's/^ID=.*/ID=ubuntu/; s/^NAME=.*/NAME=Ubuntu/' /usr/lib/os-release")
    provision(bare_vps).refused(
        f"{bare_vps.address} runs Ubuntu 13, and this playbook is for Debian 13: create the server "
        "again with the image debian-13"
    )


def test_a_user_without_sudo_is_refused_in_one_sentence(bare_vps: Vps) -> None:
    """Whoever can log in and may not administer is told so."""
    bare_vps.run("useradd -m guest; cp -r /root/.ssh /home/guest/; chown -R guest: /home/guest")
    provision(bare_vps, user="guest").refused(
        f"guest@{bare_vps.address} is neither root nor a user of sudo without a password: "
        "set HETZNER_USERNAME=root, or add --ask-become-pass"
    )


def test_whoever_has_only_a_password_is_not_locked_out(bare_vps: Vps) -> None:
    """Passwords stay on until the one who runs this has a key."""
    bare_vps.run(
        "echo root:correct-horse | chpasswd; : > /root/.ssh/authorized_keys;"
        "echo PermitRootLogin yes > /etc/ssh/sshd_config.d/10-image.conf; systemctl reload ssh"
    )
    password = ("-e", "ansible_password=correct-horse", "--ssh-common-args")
    ask = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    play(
        *("provision.yml", "-i", f"{bare_vps.address},", "-u", "root", "--tags", "ssh"),
        *(*password, ask),
    ).refused("root has no key in ~root/.ssh/authorized_keys, and passwords are about to be turned")
    assert "passwordauthentication yes" in bare_vps.run("sshd -T")


def test_a_new_server_may_finish_what_it_does_by_itself(bare_vps: Vps) -> None:
    """Cloud-init is waited for, even if it complained, and so is whoever holds apt's lock."""
    bare_vps.run(
        "printf '#!/bin/sh\\necho $@ >> /root/asked\\nexit 2\\n' > /usr/bin/cloud-init;"
        "chmod +x /usr/bin/cloud-init;"
        f"systemd-run --quiet --unit busy python3 -c '{HOLD_APT_FOR_TEN_SECONDS}'"
    )
    provision(bare_vps, "--tags", "base", "--check").succeeded()
    assert bare_vps.run("cat /root/asked") == "status --wait\n"
    assert bare_vps.run("systemctl is-active busy", check=False) == "inactive\n"


def test_a_dry_run_on_a_bare_host_runs_through_and_changes_nothing(
    bare_vps: Vps, lab: tuple[str, ...]
) -> None:
    """It lists what would be done, to the last step, and what only a whole machine can have."""
    machine = {"base_is_container": False, "base_swap_below_mb": 999_999, "tuning_kernel": True}
    outcome = provision(bare_vps, "--check", "--diff", *lab, "-e", json.dumps(machine)).succeeded()
    assert outcome.changed > 25
    assert "+PasswordAuthentication no" in outcome.output
    assert "+/swapfile none swap sw 0 0" in outcome.output
    assert "+vm.swappiness = 10" in outcome.output
    assert "/opt/relay/compose up --detach --no-deps --wait caddy" in outcome.words
    assert "gone" in bare_vps.run(
        "test -e /opt/relay -o -e /usr/sbin/dockerd -o -e /etc/nftables.conf -o -e /swapfile"
        " || echo gone"
    )
