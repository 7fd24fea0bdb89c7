"""Fixtures: relays to test against and the load tester as its user runs it, all as processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent

_PORT = re.compile(r'listens on http://\S+:(\d+)|{"port": (\d+)}')


@dataclass
class Process:
    """A relay that listens on `port`."""

    popen: subprocess.Popen[bytes]
    port: int

    @property
    def host(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def deliveries(self) -> int:
        """Of our relay, by its own count."""
        count: int = self._ask("/health")["totals"]["deliveries"]
        return count

    def faults(self) -> dict[str, int]:
        """What a faulty relay has done, by its own count."""
        return self._ask("/faults")

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        return told


@dataclass
class Outcome:
    """What a run of the load tester left behind."""

    code: int
    output: str
    result: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        metrics: dict[str, float] = self.result["metrics"]
        return metrics

    @property
    def wanting(self) -> float:
        """What was owed and did not come, for whatever reason."""
        return sum(self.metrics.get(name, 0) for name in ("lost", "missed", "unread"))

    def says(self, word: str) -> list[str]:
        """The sentences of the verdict that begin with `word`."""
        return [sentence for said, sentence in self.result.get("remarks", []) if said == word]


StartProcess = Callable[..., Process]
StartRelay = Callable[..., Process]
LoadTest = Callable[..., Outcome]
Struck = Callable[..., Outcome]


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a command and wait until it says where it listens."""
    with _starting() as start:
        yield start


@contextmanager
def _starting() -> Iterator[Callable[..., Process]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **env: str) -> Process:
        popen = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **env},
            stdout=(log := files.enter_context(NamedTemporaryFile())),  # noqa: SIM115
            stderr=subprocess.STDOUT,
        )
        running.append(popen)
        while popen.poll() is None:
            if found := _PORT.search(Path(log.name).read_text()):
                return Process(popen, int(found[1] or found[2]))
            time.sleep(0.01)
        raise AssertionError(f"{command} did not start:\n{Path(log.name).read_text()}")

    # What they say goes to files: a pipe that nobody reads is full after some hundred lines.
    with ExitStack() as files:
        yield start
        for popen in running:
            popen.kill()
            popen.wait()


@pytest.fixture
def faulty_relay(start: Callable[..., Process]) -> StartRelay:
    """Start a faulty relay with the faults that the options order."""
    return lambda *options: start("-m", "tests.wsload.servers.faulty_relay", *options)


@pytest.fixture
def real_relay(start: Callable[..., Process]) -> StartRelay:
    """Start our relay with settings."""
    local = {"PORT": "0", "LISTEN_ADDRESS": "127.0.0.1"}
    return lambda **settings: start("-m", "relay", **local | settings)


@pytest.fixture(scope="session")
def relay() -> Iterator[Process]:
    """Our relay with default settings, shared: every run has rooms of its own."""
    with _starting() as start:
        yield start("-m", "relay", PORT="0", LISTEN_ADDRESS="127.0.0.1")


@pytest.fixture
def loadtest(tmp_path: Path) -> LoadTest:
    """`python -m loadtest`, quickly: few clients, a second."""
    return lambda host, *options, **env: _run(
        tmp_path, "-m", "loadtest", "--host", host, "--clients", "4", "--duration", "1",
        "--interval", "5", "--report", str(tmp_path), *options, env=env,
    )  # fmt: skip


@pytest.fixture
def locust(tmp_path: Path) -> LoadTest:
    """`locust -f FILE --headless`, with as many users at once as -u says; `patience`: seconds that
    it may take; `fails`: the scenario does, and Locust may print its traceback."""
    return lambda file, host, *options, patience=50, fails=False, **env: _run(
        tmp_path, "-m", "locust", "-f", file, "--headless", "--only-summary",
        "--host", host, "-r", "100", "--report", str(tmp_path), *options, env=env,
        patience=patience, fails=fails,
    )  # fmt: skip


@pytest.fixture
def struck(tmp_path: Path) -> Struck:
    """Any command of the load tester; when something holds, something is done to its process."""
    return lambda holds, blow, *command: _run(
        tmp_path, *command, "--report", str(tmp_path), until=(holds, blow)
    )


def interrupt(pid: int) -> None:
    """Ctrl-C, which reaches all processes of a terminal at once."""
    os.killpg(pid, signal.SIGINT)


@pytest.fixture
def interrupted(struck: Struck) -> LoadTest:
    """The same with Ctrl-C, once our relay has so many deliveries behind it."""
    return lambda relay, deliveries, *command: struck(
        lambda: relay.deliveries() > deliveries, interrupt, *command
    )


def _run(
    folder: Path,
    *command: str,
    until: tuple[Callable[[], bool], Callable[[int], None]] | None = None,
    env: dict[str, str] | None = None,
    patience: float = 50,
    fails: bool = False,
) -> Outcome:
    """Run it to its end; `until`: when the first holds, do the second to its process, by number."""
    before = set(folder.glob("*.json"))
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            if until is not None:
                holds, blow = until
                while run.poll() is None and not holds():
                    time.sleep(0.05)
                blow(run.pid)
            output, _ = run.communicate(timeout=patience)
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    assert fails or "Traceback" not in output, output
    written = set(folder.glob("*.json")) - before
    result = json.loads(written.pop().read_text()) if written else {}
    return Outcome(run.returncode, output, result)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def master(free_port: int) -> list[str]:
    """Options for a master with two workers that meet at a port of their own."""
    port = str(free_port)
    return ["--processes", "2", "--master-bind-port", port, "--master-port", port]
