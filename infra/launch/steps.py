"""The steps of a launch, in order."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from infra.launch import names
from infra.launch.github import Repository
from infra.launch.home import Home
from infra.launch.names import Place
from infra.launch.playbook import play
from infra.operate import errand
from infra.plan.access import Access
from infra.plan.refusal import Refusal

_STEPS = 6
# The key that came with the order is in the cloud's metadata, where every program of the server can
# read it.
_NEW_KEY = (
    "cd /etc/ssh && { test -f relay_new || ssh-keygen -q -t ed25519 -N '' -f relay_new; }"
    " && cat relay_new.pub"
)
_USE_NEW_KEY = (
    "cd /etc/ssh && mv relay_new ssh_host_ed25519_key && mv relay_new.pub ssh_host_ed25519_key.pub"
    " && systemctl reload ssh"
)


@dataclass
class Launch:
    """One domain, one server. `host` is a Debian 13 of one's own; "" has one made."""

    home: Home
    domain: str
    host: str
    username: str  # who may administer `host`
    wait: float  # seconds for the DNS record
    arguments: tuple[str, ...]  # for the playbooks
    _count: int = 0

    def run(self) -> None:
        """All steps, each where it is not done yet. Refusal ends it, and it can be run again."""
        with self._step("keys, on this machine"):
            made = self.home.make_keys()
            _say(f"{', '.join(made)} made in {self.home.directory}" if made else "there")
        with self._step("server"):
            place = self._server()
        address = place.host
        with self._step(f"DNS record of {self.domain}"):
            for record in names.records(self.domain, place):
                _say(record)
            names.await_record(self.domain, place, self.wait, _say)
        with self._step("provisioning: updates, firewall, Docker, Caddy; some minutes"):
            self._provision(address)
        with self._step("first deploy"):
            self._deploy(address)
        with self._step("the repository's secrets and variables"):
            self._tell_github(address)
        print(f"\nhttps://{self.domain}/ serves. From now on a push to main deploys.")
        print(f"What it is like: make status DOMAIN={self.domain}")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._count += 1
        print(f"[{self._count}/{_STEPS}] {title}", flush=True)
        started = time.monotonic()
        yield
        print(f"      {time.monotonic() - started:.0f} s", flush=True)

    def _server(self) -> Place:
        if self.host:
            place = names.find(self.host)
            self._meet()
            access = self._root(self.host)
            access.knock()
            # A record may lead to any address that it has; HOST= names but one.
            own = self._ask(access, "hostname -I").split()
            return replace(place, others=(*place.others, *own))
        file, before = self.home.directory / "server.json", self.home.server.get("id")
        # Asked again each time: what is there is found, and has the firewall that it should have.
        settings = {
            "create_name": self.domain.replace(".", "-"),
            "create_public_key_file": f"{self.home.root_key}.pub",
            "create_host_key_file": str(self.home.host_key),
            "create_result_file": str(file),
        }
        play("create.yml", self.home.log, ("-e", json.dumps(settings), *self.arguments), {})
        server = self.home.server
        address, key = server["address"], self.home.public(self.home.host_key)
        if server["id"] != before or not self.home.knows(address):
            self.home.expect(address, key)
        access = self._root(address)
        access.knock()
        if self.home.expects(address, key):
            new = self._ask(access, _NEW_KEY)
            # Beside what is expected already: a launch that is cut off below leaves either.
            self.home.expect_also(address, new)
            self._ask(access, _USE_NEW_KEY)
            self.home.expect(address, new)
            access.knock()
            _say("its host key came with the order, and has been replaced by one that nobody saw")
        _say(f"a {server['type']} at {address}")
        return Place(address, address, server["address6"])

    def _meet(self) -> None:
        """A server that somebody else made: nobody has told which key it has."""
        if self.home.knows(self.host):
            return
        keys = self._root(self.host).host_keys()
        if not keys:
            raise Refusal(f"{self.host} shows no ed25519 host key: does sshd answer there?")
        self.home.known_hosts.write_text(f"{keys[0]}\n")
        _say(f"trusted from now on, on its word alone: {keys[0]}")

    def _provision(self, address: str) -> None:
        keys = [self.home.public(key) for key in (self.home.deploy_key, self.home.root_key)]
        ssh = (
            f"-o UserKnownHostsFile={self.home.known_hosts} -o GlobalKnownHostsFile=/dev/null"
            " -o StrictHostKeyChecking=yes"
        )
        own = () if self.host else ("--private-key", str(self.home.root_key))
        play(
            "provision.yml",
            self.home.log,
            (
                *("-i", f"{address},", "-u", self.username, *own, "--ssh-common-args", ssh),
                *("-e", json.dumps({"relay_host_deploy_keys": keys}), *self.arguments),
            ),
            {"RELAY_DOMAIN": self.domain},
        )
        _say(f"what it did is in {self.home.log}")

    def _deploy(self, address: str) -> None:
        environment = {
            "HETZNER_HOST": address,
            "HETZNER_USERNAME": "deploy",
            "HETZNER_SSH_KEY": self.home.deploy_key.read_text(),
            "HETZNER_HOST_KEY": self.home.known_hosts.read_text(),
            "RELAY_DOMAIN": self.domain,
        }
        head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
        access = Access(address, "deploy", self.home.deploy_key, self.home.known_hosts)
        found = errand.survey(access)
        if found.health and found.release.split("-")[1:] == [head.stdout.strip()[:12]]:
            _say(f"{found.release} serves already")
            return
        done = subprocess.run(
            [sys.executable, "-m", "infra", "deploy"], env={**os.environ, **environment}
        )
        if done.returncode:
            raise Refusal("the deploy did not get through: its last sentence is above")

    def _tell_github(self, address: str) -> None:
        repository = Repository(self.home, address, self.domain)
        if name := repository.name():
            repository.fill(name)
            _say(f"set in {name}")
            return
        _say("gh is not there, is not logged in, or knows no such repository: run this where it is")
        for command in repository.commands():
            _say(command)

    def _root(self, address: str) -> Access:
        key = None if self.host else self.home.root_key
        return Access(address, self.username, key, self.home.known_hosts)

    def _ask(self, access: Access, script: str) -> str:
        done = subprocess.run([*access.ssh, script], capture_output=True, text=True)
        if done.returncode:
            raise Refusal(
                f"{access.host}: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}"
            )
        return done.stdout.strip()


def _say(line: str) -> None:
    """One line below the title of a step."""
    print(f"      {line}", flush=True)
