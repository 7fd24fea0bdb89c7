"""The parts of a launch that need no server."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.launch import names
from infra.launch.github import Repository
from infra.launch.home import Home
from infra.launch.names import Place
from infra.launch.playbook import sentence
from infra.plan.refusal import Refusal

DOMAIN, ADDRESS = "relay.example.org", "203.0.113.7"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Somebody's, who has not launched anything."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Home.of(DOMAIN)


def test_keys_are_made_once_and_nobody_else_reads_them(home: Home) -> None:
    """Three, each with its purpose; a second launch finds them."""
    assert home.make_keys() == ["root", "deploy", "host"]
    before = home.root_key.read_text()
    assert home.make_keys() == []
    assert home.root_key.read_text() == before
    assert home.directory.stat().st_mode & 0o77 == 0
    assert len({home.public(key) for key in (home.root_key, home.deploy_key, home.host_key)}) == 3


def test_only_the_key_that_was_noted_is_expected(home: Home) -> None:
    """Of that address, and not of one that begins alike."""
    assert not home.knows(ADDRESS)
    home.expect("203.0.113.77", "ssh-ed25519 AAAA comment")
    assert not home.knows(ADDRESS)
    home.expect(ADDRESS, "ssh-ed25519 AAAA comment")
    home.expect_also(ADDRESS, "ssh-ed25519 BBBB")
    assert home.knows(ADDRESS)
    assert home.expects(ADDRESS, "ssh-ed25519 BBBB other words")
    assert not home.expects(ADDRESS, "ssh-ed25519 CCCC")


def test_what_was_launched_is_found_by_its_name(home: Home) -> None:
    """With its address, the key that may deploy, and the only host key that counts."""
    with pytest.raises(Refusal, match=f"nothing was launched for {DOMAIN} from this machine"):
        home.deploying()
    home.make_keys()
    home.expect(ADDRESS, "ssh-ed25519 AAAA")
    access = Home.of(DOMAIN.title()).deploying()  # names have no case
    assert (access.host, access.user, access.key) == (ADDRESS, "deploy", home.deploy_key)
    assert "StrictHostKeyChecking=yes" in access.ssh


def _resolve(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> None:
    left = list(answers)

    def getaddrinfo(*_: object) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        if not found:
            raise socket.gaierror
        return [(0, 0, 0, "", (address, 443)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(names, "_PAUSE", 0.0)


def test_the_record_is_waited_for_and_each_reason_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From nothing by way of somewhere else to the server, by IPv6 too."""
    _resolve(monkeypatch, (), (), ("192.0.2.1",), (ADDRESS, "2001:db8::1"))
    said: list[str] = []
    names.await_record(DOMAIN, Place(ADDRESS, ADDRESS, "2001:db8::1"), 60, said.append)
    assert said == [
        f"{DOMAIN} does not resolve: waiting for the record",
        f"{DOMAIN} leads to 192.0.2.1: waiting for the record",
    ]


def test_a_record_that_does_not_come_ends_the_launch_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address of somebody else's beside the right one is as wrong as none."""
    _resolve(monkeypatch, (ADDRESS, "2001:db8::9"))
    with pytest.raises(Refusal, match="leads to 2001:db8::9: make the record above"):
        names.await_record(DOMAIN, Place(ADDRESS, ADDRESS, "2001:db8::1"), 0, lambda line: None)


def test_without_gh_the_commands_are_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready to be copied; a key is never among them."""
    home.make_keys()
    home.expect(ADDRESS, "ssh-ed25519 AAAA")
    monkeypatch.setenv("PATH", str(tmp_path))
    repository = Repository(home, ADDRESS, DOMAIN)
    told = repository.commands()
    assert told == [
        f"gh secret set HETZNER_HOST --body {ADDRESS}",
        f"gh variable set HETZNER_HOST_KEY --body '{ADDRESS} ssh-ed25519 AAAA'",
        f"gh variable set RELAY_DOMAIN --body {DOMAIN}",
        f"gh secret set HETZNER_SSH_KEY < {home.deploy_key}",
    ]


def test_a_server_on_arm_has_its_images_built_on_arm(home: Home) -> None:
    """And not on the machine that serves."""
    home.expect(ADDRESS, "ssh-ed25519 AAAA")
    (home.directory / "server.json").write_text('{"architecture": "arm"}')
    told = Repository(home, ADDRESS, DOMAIN).commands()
    assert "gh variable set DEPLOY_RUNNER --body ubuntu-24.04-arm" in told


def test_gh_is_asked_for_the_repository_of_origin(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a fork it would take the parent; a value is not in its command line."""
    home.make_keys()
    home.expect(ADDRESS, "ssh-ed25519 AAAA")
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(
        '#!/bin/sh\necho "$*" >> "$GH_LOG"\n[ "$1" != repo ] || echo somebody/relay\n'
        '[ "$1" = repo ] || cat >> "$GH_LOG"\n'
    )
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gh.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GH_LOG", str(tmp_path / "log"))
    monkeypatch.chdir(tmp_path)
    origin = "https://github.com/somebody/relay.git"
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "remote", "add", "origin", origin], check=True)
    repository = Repository(home, ADDRESS, DOMAIN)
    name = repository.name()
    assert name == "somebody/relay"
    repository.fill(name)
    log = (tmp_path / "log").read_text()
    assert log.startswith(f"repo view {origin} ")
    assert f"secret set HETZNER_HOST --repo somebody/relay\n{ADDRESS}" in log
    assert "secret set HETZNER_SSH_KEY --repo somebody/relay\n-----BEGIN" in log


def test_a_playbook_that_failed_is_told_in_its_own_sentence() -> None:
    """Ansible wraps it in much else."""
    said = (
        "TASK [Ask for a token] ***\n"
        "[ERROR]: Task failed: Action failed: HCLOUD_TOKEN is not set: make one\n"
        "Origin: /somewhere/create.yml:66:7\n\n64\n"
    )
    assert sentence(said) == "HCLOUD_TOKEN is not set: make one"
    assert sentence("one\ntwo\n\n") == "two"
    assert sentence("") == "it did not say why"


def test_a_command_that_failed_is_told_by_its_task_and_its_own_last_line() -> None:
    """Ansible itself only knows its return code; what was rescued before is not meant."""
    said = (
        "TASK [Become root] ***\n"
        "[ERROR]: Task failed: Module failed: sudo: a password is required\n"
        "Origin: /somewhere/preflight.yml:51:7\n\n51\n"
        "fatal: [203.0.113.7]: FAILED! => \n    msg: sudo: a password is required\n\n"
        "TASK [relay_host : Start Caddy and wait until it is healthy] ***\n"
        "[ERROR]: Task failed: Module failed: non-zero return code\n"
        "Origin: /somewhere/caddy.yml:40:3\n\n40\n"
        "fatal: [203.0.113.7]: FAILED! => \n"
        "    msg: non-zero return code\n"
        "    rc: 1\n"
        "    stderr: |-\n"
        "         Container relay-caddy-1  Starting\n"
        "        Error: port is already allocated\n"
        "    stderr_lines: <omitted>\n"
        "    stdout: ''\n"
    )
    told = "Start Caddy and wait until it is healthy: Error: port is already allocated"
    assert sentence(said) == told
    assert sentence(said.replace("stderr", "words")).endswith("healthy: non-zero return code")
