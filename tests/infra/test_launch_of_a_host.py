"""`make launch HOST=…`: a server that is there already, from its first step to its last."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.launch import names, steps
from infra.launch.github import Repository
from infra.launch.home import Home
from infra.launch.steps import Launch
from infra.plan.refusal import Refusal

DOMAIN, ADDRESS, ADDRESS6 = "relay.example.org", "203.0.113.7", "2001:db8::7"
_SSH = """#!/bin/sh
echo "$*" >> "$BENCH/ssh.log"
case "$*" in
*"hostname -I"*) echo "203.0.113.7 172.17.0.1 2001:db8::7" ;;
*" survey "*) cat > /dev/null; cat "$BENCH/survey" ;;
*" admin "*) ! test -e "$BENCH/locked" || { echo "Permission denied" >&2; exit 255; } ;;
esac
"""
# Of a server in the cloud: it shows one host key, and replaces it by another, again and again.
_CLOUD_SSH = """#!/bin/sh
known=$(printf '%s\\n' "$@" | sed -n 's/^UserKnownHostsFile=//p')
grep -qF "203.0.113.7 ssh-ed25519 $(cat "$BENCH/shown")" "$known" || {
	echo "Host key verification failed." >&2
	exit 255
}
case "$*" in
*"mv relay_new"*)
	mv "$BENCH/relay_new" "$BENCH/shown"
	! test -e "$BENCH/cut" || { rm "$BENCH/cut"; exit 255; } ;;
*relay_new*)
	echo new >> "$BENCH/made"
	test -e "$BENCH/relay_new" || echo "NEW$(grep -c . "$BENCH/made")" > "$BENCH/relay_new"
	echo "ssh-ed25519 $(cat "$BENCH/relay_new")" ;;
*" survey "*) cat > /dev/null; cat "$BENCH/survey" ;;
esac
"""
_KEYSCAN = '#!/bin/sh\nfor host; do :; done\necho "# banner"\necho "$host ssh-ed25519 AAAA"\n'
# In pyinfra's place: which release goes where.
_PYINFRA = """
import json, os
from pathlib import Path
plan = json.loads((Path(os.environ["RELAY_PLAN"]) / "plan.json").read_text())
access = plan["access"]
with (Path(os.environ["BENCH"]) / "deploys").open("a") as file:
    file.write(f"{access['user']}@{access['host']} {plan['domain']}\\n")
"""
_SURVEY: dict[str, Any] = {
    "hold": "",
    "trouble": "",
    "services": [],
    "domain": DOMAIN,
    "booted": 0,
    "waits_for_reboot": False,
    "memory": [1, 1],
    "disks": {},
    "deploys": [],
}


class Bench:
    """Somebody's machine; ssh, Ansible and pyinfra only note what they are asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.plays: list[tuple[str, tuple[str, ...], dict[str, str]]] = []
        self.names: dict[str, tuple[str, ...]] = {DOMAIN: (ADDRESS,)}
        (folder / "pyinfra").mkdir()
        (folder / "pyinfra" / "__init__.py").touch()
        (folder / "pyinfra" / "__main__.py").write_text(_PYINFRA)
        for name, text in (("ssh", _SSH), ("ssh-keyscan", _KEYSCAN)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.serve("none")
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setenv("BENCH", str(folder))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        monkeypatch.setattr(steps, "play", self._play)
        # Without gh, which this machine may have.
        monkeypatch.setattr(Repository, "name", lambda _: "")
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)
        monkeypatch.setattr(names, "_PAUSE", 0.0)

    def launch(self, host: str = ADDRESS) -> None:
        Launch(Home.of(DOMAIN), DOMAIN, host, "admin", wait=0, arguments=("-v",)).run()

    def serve(self, release: str) -> None:
        """What the host says of itself."""
        health = {} if release == "none" else {"count": 0}
        survey = {**_SURVEY, "release": release, "health": health}
        (self.folder / "survey").write_text(json.dumps(survey))

    def deploys(self) -> list[str]:
        file = self.folder / "deploys"
        return file.read_text().splitlines() if file.exists() else []

    def _play(
        self, playbook: str, log: Path, arguments: tuple[str, ...], environment: dict[str, str]
    ) -> None:
        self.plays.append((playbook, arguments, environment))

    def _resolve(self, name: str, *_: object) -> list[Any]:
        found = (name,) if name[0].isdigit() else self.names.get(name, ())
        if not found:
            raise socket.gaierror
        return [(0, 0, 0, "", (address, 0)) for address in found]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_server_of_ones_own_is_provisioned_and_deployed_to(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """No server is made; one's own key opens it, and only the host key that it showed counts."""
    bench.launch()
    ((playbook, arguments, environment),) = bench.plays
    home = Home.of(DOMAIN)
    assert playbook == "provision.yml"
    assert arguments[:4] == ("-i", f"{ADDRESS},", "-u", "admin")
    assert "--private-key" not in arguments
    assert f"-o UserKnownHostsFile={home.known_hosts}" in arguments[5]
    assert arguments[-1] == "-v"
    keys = json.loads(arguments[7])["relay_host_deploy_keys"]
    assert keys == [home.public(home.deploy_key), home.public(home.root_key)]
    assert environment == {"RELAY_DOMAIN": DOMAIN}
    assert bench.deploys() == [f"deploy@{ADDRESS} {DOMAIN}"]
    said = capsys.readouterr().out
    assert f"trusted from now on, on its word alone: {ADDRESS} ssh-ed25519 AAAA" in said
    assert f"{DOMAIN}.  A     {ADDRESS}\n" in said
    assert f"gh secret set HETZNER_HOST --body {ADDRESS}" in said
    assert f"https://{DOMAIN}/ serves." in said


def test_a_second_launch_goes_on_where_the_first_one_ended(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its key is on record, and the release that serves is not shipped again."""
    bench.launch()
    capsys.readouterr()
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    bench.serve(f"20261125T101500-{head[:12]}")
    bench.launch()
    said = capsys.readouterr().out
    assert "trusted from now on" not in said
    assert f"20261125T101500-{head[:12]} serves already" in said
    assert len(bench.deploys()) == 1


def test_a_domain_may_lead_to_any_address_of_the_server(bench: Bench) -> None:
    """HOST= names one of them, and by IPv6 it has another."""
    bench.names[DOMAIN] = (ADDRESS, ADDRESS6)
    bench.launch()
    assert len(bench.deploys()) == 1


def test_the_server_may_be_named_by_a_name(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record to make has its address all the same."""
    bench.names["box.example.org"] = (ADDRESS,)
    bench.launch("box.example.org")
    assert bench.deploys() == [f"deploy@box.example.org {DOMAIN}"]
    assert f"{DOMAIN}.  A     {ADDRESS}\n" in capsys.readouterr().out


def test_a_name_that_leads_nowhere_is_refused(bench: Bench) -> None:
    """Such as one that only ~/.ssh/config knows, which GitHub could not reach."""
    with pytest.raises(Refusal, match="HOST=box does not resolve: give the server's address"):
        bench.launch("box")
    assert not bench.plays


def test_a_server_that_does_not_let_in_is_left_before_anything_else(bench: Bench) -> None:
    """In a sentence, and not by Ansible's words."""
    (bench.folder / "locked").touch()
    with pytest.raises(Refusal, match=f"no key of yours opens admin@{ADDRESS}: Permission denied"):
        bench.launch()
    assert not bench.plays


def test_a_launch_that_is_cut_off_while_the_host_key_is_replaced_goes_on(bench: Bench) -> None:
    """The server shows the new key by then, and whoever launches must still know it."""
    home = Home.of(DOMAIN)
    home.make_keys()
    server = {"id": 1, "address": ADDRESS, "address6": ADDRESS6, "type": "cx23"}
    (home.directory / "server.json").write_text(json.dumps(server))
    home.expect(ADDRESS, home.public(home.host_key))
    (bench.folder / "ssh").write_text(_CLOUD_SSH)
    (bench.folder / "shown").write_text(home.public(home.host_key).split()[1])
    (bench.folder / "cut").touch()
    with pytest.raises(Refusal, match=f"{ADDRESS}: no answer"):
        bench.launch("")
    assert not bench.deploys()
    bench.launch("")
    assert bench.deploys() == [f"deploy@{ADDRESS} {DOMAIN}"]
    shown = (bench.folder / "shown").read_text().strip()
    assert shown == "NEW2"
    assert home.known_hosts.read_text() == f"{ADDRESS} ssh-ed25519 {shown}\n"
