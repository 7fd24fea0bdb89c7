"""A Docker engine to test with: the one that runs, or one that is started for it.

Tests that need it skip on a laptop where it cannot be had, with the reason, and fail in CI.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest

from tests.lab.waiting import until

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "relay-lab"
BIN: Final = Path(sys.executable).parent  # of the environment that requirements/ops.txt filled
IN_CI: Final = bool(os.environ.get("CI"))
_PID_FILES: Final = {
    Path("/var/run/docker.pid"): "dockerd",
    Path("/var/run/docker/containerd/containerd.pid"): "containerd",
}
# An engine of a machine without an init system has to be started by somebody who may.
MAY_START: Final = os.geteuid() == 0


class Unavailable(Exception):
    """Something that the tests need cannot be had here; `str()` says what and why."""


def run(*command: str | Path, text: str | None = None, check: bool = True) -> str:
    """Run a command to its end and return what it printed; an error shows its last lines."""
    done = subprocess.run(
        [str(word) for word in command],
        input=text,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    if check and done.returncode:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{last}")
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment for Docker's client, with a compose plugin in any case."""
    return {**os.environ, **({"DOCKER_CONFIG": str(_config())} if _lacks_compose() else {})}


def require() -> None:
    """Return once Docker answers; skip the test where it cannot be had, fail in CI."""
    try:
        ensure()
    except Unavailable as reason:
        refuse(str(reason))


def refuse(reason: str) -> None:
    """Skip with the reason on a laptop; fail in CI, where nothing may be missing."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def ensure() -> None:
    """Start the engine if none runs and this user may; it is left running, as a service is."""
    if shutil.which("docker") is None:
        raise Unavailable("no Docker here: install docker.io or Docker Desktop")
    with alone("engine"):
        if _answers():
            return
        if not MAY_START or shutil.which("dockerd") is None:
            raise Unavailable("no Docker engine answers: start it, or let root run the tests")
        _forget_the_dead()
        log = CACHE / "dockerd.log"
        # In a session of its own, and nobody's child: it outlives the tests.
        with log.open("w") as output:
            subprocess.run(
                ["setsid", "--fork", "dockerd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=True,
            )
        try:
            until(_answers, "dockerd answers")
        except AssertionError as error:
            raise Unavailable(f"{error}; it says: {log.read_text()[-1000:]}") from None


def gateway() -> str:
    """Return this machine's address on Docker's default bridge: containers reach it there."""
    bridge = json.loads(run("docker", "network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]
    # Older engines do not tell it before the first container: it is the first of the network.
    return str(bridge.get("Gateway") or next(ip_network(bridge["Subnet"]).hosts()))


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold a lock between all processes of this user: tests run in several."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_the_dead() -> None:
    """Remove what an engine that was killed left: it would take a stranger's number for itself."""
    for file, program in _PID_FILES.items():
        try:
            number = int(file.read_text())
            # "12 (dockerd) Z …": a zombie is as dead as one that nobody remembers.
            name, state = Path(f"/proc/{number}/stat").read_text().split()[1:3]
            alive = name == f"({program})" and state != "Z"
        except (OSError, ValueError):
            alive = False
        if not alive:
            file.unlink(missing_ok=True)


def _answers() -> bool:
    answer = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True
    )
    return answer.returncode == 0


@cache
def _lacks_compose() -> bool:
    return subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0


def _config() -> Path:
    """Return a client configuration of the tests' own, with the compose of requirements/ops.txt."""
    config = CACHE / "docker"
    plugin = config / "cli-plugins" / "docker-compose"
    if not plugin.exists():
        with alone("config"):
            plugin.parent.mkdir(parents=True, exist_ok=True)
            plugin.unlink(missing_ok=True)
            plugin.symlink_to(BIN / "docker-compose")
            (config / "config.json").write_text(json.dumps({}))
    return config
