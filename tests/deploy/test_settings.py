"""Keys, settings and secrets of a host: what a run of provision.yml changes, and what it keeps."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.lab.engine import run
from tests.lab.http_status import SITE, until_status
from tests.lab.playbook import Outcome, provision
from tests.lab.vps import Vps, public_key

pytestmark = pytest.mark.long


def test_only_listed_keys_may_deploy(provisioned_vps: Vps, tmp_path: Path) -> None:
    """A list replaces what was there, and stays until there is another one."""
    vps = provisioned_vps
    other = tmp_path / "other"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
    keys = json.dumps({"relay_host_deploy_keys": [other.with_suffix(".pub").read_text().strip()]})
    provision(vps, "--tags", "deploy_keys", "-e", keys).succeeded()
    assert vps.ssh("true", user="deploy", key=other).returncode == 0
    assert vps.ssh("true", user="deploy").returncode == 255
    assert provision(vps, "--tags", "deploy_keys").succeeded().changed == 0
    assert vps.ssh("true", user="deploy", key=other).returncode == 0
    keys = json.dumps({"relay_host_deploy_keys": [public_key()]})
    provision(vps, "--tags", "deploy_keys", "-e", keys).succeeded()
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

    none = {"RELAY_DOMAIN": "none", "ACME_EMAIL": "none", "ACME_CA": "none"}
    last = settings(vps, "-e", "relay_host_tokens=false", **none).succeeded()
    for outcome in (first, second, last):
        assert secret not in outcome.output
    emptied = vps.run("cat /opt/relay/.env")
    assert "\nRELAY_DOMAIN=\nACME_EMAIL=\nACME_CA=\n" in emptied
    assert "JWT_SECRET" not in emptied
    vps.run("rm /opt/relay/jwt_secret")  # kept for whoever asks for tokens again
    until_status(SITE, vps.address)


def test_a_secret_that_is_none_is_refused(provisioned_vps: Vps) -> None:
    """An empty one, as a full disk leaves it, would let everybody in."""
    vps = provisioned_vps
    vps.run(": > /opt/relay/jwt_secret")
    try:
        settings(vps, "-e", "relay_host_tokens=true").refused(
            f"/opt/relay/jwt_secret on {vps.address} has fewer than 32 characters"
        )
        assert "JWT_SECRET" not in vps.run("cat /opt/relay/.env")
    finally:
        vps.run("rm /opt/relay/jwt_secret")


def test_a_weekly_window_that_is_no_time_is_refused(provisioned_vps: Vps) -> None:
    """In each run, and the timer that is there goes on."""
    vps = provisioned_vps
    for _ in range(2):
        provision(vps, "--tags", "base", "-e", "base_window=sometimes").refused("'sometimes UTC'")
    assert "OnCalendar=Sun" in vps.run("systemctl show maintenance.timer -p TimersCalendar")
