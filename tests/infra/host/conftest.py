"""A host as provisioning leaves it, in a folder and in memory."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.host.directory import Directory
from infra.host.host import Host
from infra.host.program import Program
from infra.host.record import Record
from infra.host.state import Progress, Verdict
from tests.infra.host.fake import FakeClock, FakeDocker, Relay

# Releases in the order of their time.
A, B, C, D, E, F = (f"202611{day}T101500-{str(day)[-1] * 12}" for day in range(11, 17))


class World:
    """One host, its engine, and what a deploy does to them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.docker = FakeDocker(self.clock)
        self.host = Host.at(root, self.clock, self.docker)
        self.record: Record = self.host.record
        (root / "releases").mkdir(parents=True)
        for name, text in {
            ".env": "",
            "docker-compose.yml": "services:\n",
            "Caddyfile.docker": "# of provisioning\n",
            "release.env": "RELAY_IMAGE=relay:none\n",
        }.items():
            (root / name).write_text(text)

    def stage(self, name: str, relay: Relay = Relay.GOOD, caddyfile: str = "") -> Directory:
        """Lay down a release as a deploy does, with its image."""
        release = self.record.release(name)
        release.path.mkdir()
        for file, text in {
            "docker-compose.yml": f"# {name}\n",
            "Caddyfile.docker": caddyfile or f"# {name}\n",
            "release.env": f"RELAY_IMAGE=relay:{name}\n",
            "rehearsal.yml": "",
            "roundtrip.py": "",
        }.items():
            (release.path / file).write_text(text)
        self.docker.kinds[name] = relay
        self.docker.images.add(name)
        return release

    def program(self, name: str) -> Program:
        return Program(self.record.release(name).path / "release.pyz", self.host)

    def switch(
        self, name: str, verdict: Verdict | None = Verdict.KEEP, expected: str = "any"
    ) -> Progress:
        """Put a release live that has been staged; return how that ended."""
        release = self.record.release(name)
        release.begin()
        if verdict:
            release.tell(verdict)
        self.program(name).run("switch", "60", "somebody", expected)
        return release.progress

    def deploy(
        self, name: str, relay: Relay = Relay.GOOD, verdict: Verdict | None = Verdict.KEEP
    ) -> Progress:
        self.stage(name, relay)
        return self.switch(name, verdict)

    def mend(self, name: str) -> None:
        """As the host does after a reboot, and the next deploy before anything else."""
        self.program(name).run("mend")

    def serves(self) -> str:
        """The release that serves: alone, on record, and started again after a reboot."""
        assert [(box.status, box.policy) for box in self.docker.boxes] == [
            ("running", "unless-stopped")
        ]
        (box,) = self.docker.boxes
        assert self.docker.holder is box
        assert self.record.current == box.release
        assert self.record.under_way is None
        assert self.docker.caddyfile.decode() == f"# {box.release}\n"
        assert (self.root / "docker-compose.yml").read_text() == f"# {box.release}\n"
        return box.release


@pytest.fixture(autouse=True)
def _without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for a disk here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def new_world() -> Iterator[Callable[[], World]]:
    """Return a function that makes a host; each call makes another one."""
    memory = Path("/dev/shm")  # a disk takes milliseconds to replace a file
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        numbers = itertools.count()
        yield lambda: World(Path(folder) / f"host{next(numbers)}")


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    """A host on which nothing has been deployed."""
    return new_world()
