"""A network namespace of one's own, which reaches this one by a cable that can lose packets."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Final

import pytest

_ADDRESSES: Final = IPv4Address("198.18.0.0")  # and 2**17 more: for tests of networks (RFC 2544)
_PROGRAMS: Final = ("ip", "iptables")
_RULES: Final = (("OUTPUT", "--dport"), ("INPUT", "--sport"))  # there and back again


class Namespace:
    """`here` is the address of this side, `there` that of the other."""

    def __init__(self, number: int) -> None:
        self.name = f"relay-{number}"
        first = _ADDRESSES + 4 * (number % 2**15)  # four to each
        self.here, self.there = str(first + 1), str(first + 2)
        self._ends = f"ra{number % 10**6}", f"rb{number % 10**6}"

    @property
    def within(self) -> tuple[str, ...]:
        """The command that runs another one inside."""
        return ("ip", "netns", "exec", self.name)

    def make(self) -> None:
        ours, theirs = self._ends
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.name)
        _run("ip", "addr", "add", f"{self.here}/30", "dev", ours)
        _run("ip", "link", "set", ours, "up")
        for device in (theirs, "lo"):
            _run("ip", "-n", self.name, "link", "set", device, "up")
        _run("ip", "-n", self.name, "addr", "add", f"{self.there}/30", "dev", theirs)
        _run(*self.within, "iptables", "--list")

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def unplug(self) -> None:
        """No packet gets anywhere any more."""
        _run("ip", "link", "set", self._ends[0], "down")

    def drop(self, port: int) -> None:
        """Drop the packets between what is inside and a port of this side, both ways."""
        for chain, end in _RULES:
            rule = ("--append", chain, "--protocol", "tcp", end, str(port), "--jump", "DROP")
            _run(*self.within, "iptables", *rule)

    def let_pass(self) -> None:
        """Drop nothing any more."""
        _run(*self.within, "iptables", "--flush")


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make one; skip the test where that cannot be, fail in CI."""
    if os.geteuid() or not all(map(shutil.which, _PROGRAMS)):
        _refuse("a network namespace is made by root, with iproute2 and iptables")
    made = Namespace(os.getpid())
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        made.remove()
        _refuse(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    try:
        yield made
    finally:
        made.remove()


def _refuse(reason: str) -> None:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
