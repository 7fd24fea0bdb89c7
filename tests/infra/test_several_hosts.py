"""A deploy of several hosts: one after the other, by their addresses, none after a failure."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from infra.plan.access import Access, named
from infra.plan.refusal import Refusal
from infra.watch.public import Address

ROOT = Path(__file__).parents[2]
FIRST, SECOND, THIRD = "203.0.113.1", "203.0.113.2", "203.0.113.3"
# In pyinfra's place: which hosts it was given, in which order; one of them fails.
_PYINFRA = """
import json, os, signal, sys, time
from pathlib import Path
directory = Path(os.environ["RELAY_PLAN"])
plan = json.loads((directory / "plan.json").read_text())
with open(os.environ["SEEN"], "a") as seen:
    seen.write(json.dumps(plan) + "\\n")
if plan["access"]["host"] == os.environ.get("INTERRUPTED"):
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
if plan["access"]["host"] == os.environ.get("FAILS"):
    with (directory / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps({"failure": "it carries no message"}) + "\\n")
    sys.exit(1)
"""
# Whatever a shell that runs the tests in the background has told them to ignore.
_INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
"""
_SSH = '#!/bin/sh\n! echo "$*" | grep -q -e "$AWAY" || { echo timed out >&2; exit 255; }\n'


@dataclass(frozen=True)
class Laptop:
    """Somebody's machine, whose ssh and pyinfra only note what they are asked."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Laptop":
        (folder / "pyinfra").mkdir()
        (folder / "pyinfra" / "__init__.py").touch()
        (folder / "pyinfra" / "__main__.py").write_text(_PYINFRA)
        (folder / "bin").mkdir()
        for name, text in (("ssh", _SSH), ("ssh-keyscan", "#!/bin/sh\n")):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        return cls(folder)

    def infra(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        ours = ("HETZNER_", "RELAY_", "GITHUB_")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-c", _INTERRUPTIBLE, *words],
            cwd=ROOT,
            env={
                **clean,
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "PYTHONPATH": str(self.folder),
                "HOME": str(self.folder),
                "SEEN": str(self.folder / "seen"),
                "AWAY": "nobody",
                **environment,
            },
            capture_output=True,
            text=True,
        )

    def seen(self) -> list[dict[str, object]]:
        """The plans that pyinfra has been given."""
        file = self.folder / "seen"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def hosts(self) -> list[object]:
        plans = self.seen()
        return [plan["access"]["host"] for plan in plans]  # type: ignore[index]


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop.make(tmp_path)


@pytest.mark.parametrize(
    "given", [f"{FIRST},{SECOND}", f"{FIRST}, {SECOND}", f" {FIRST}\r\n{SECOND}\n{FIRST}"]
)
def test_hosts_are_separated_by_commas_or_white_space(given: str) -> None:
    """A secret has one a line, so that a log hides each."""
    assert named(given) == [FIRST, SECOND]


def test_one_release_goes_to_each_host_in_turn(laptop: Laptop, tmp_path: Path) -> None:
    """In the order in which they are named, each summed up, and asked by its own address."""
    summary = tmp_path / "summary.md"
    done = laptop.infra(
        *("infra", "deploy", "--summary", str(summary)), HETZNER_HOST=f"{FIRST}\n{SECOND}\n{THIRD}"
    )
    assert done.returncode == 0, done.stderr
    assert laptop.hosts() == [FIRST, SECOND, THIRD]
    plans = laptop.seen()
    assert [plan["is_only"] for plan in plans] == [False] * 3
    assert len({json.dumps(plan["release"]) for plan in plans}) == 1
    titles = [line for line in summary.read_text().splitlines() if line.startswith("## ")]
    assert [title.split(",")[0].rpartition(" ")[2] for title in titles] == [FIRST, SECOND, THIRD]


def test_a_host_that_fails_stops_those_behind_it(laptop: Laptop) -> None:
    """The last line is its sentence, and the one before says how far it got."""
    done = laptop.infra("infra", "deploy", "--host", f"{FIRST},{SECOND},{THIRD}", FAILS=SECOND)
    assert done.returncode == 1
    assert laptop.hosts() == [FIRST, SECOND]
    assert done.stderr.splitlines()[-2:] == [
        f"relay: stopped. done: {FIRST}; failed: {SECOND}; untouched: {THIRD}",
        "relay: it carries no message",
    ]


def test_whoever_breaks_off_is_told_what_goes_on_without_him(laptop: Laptop) -> None:
    """A switch is the host's own; no traceback, and no host after that one."""
    done = laptop.infra(
        *("infra", "deploy", "--host", f"{FIRST},{SECOND},{THIRD}"), INTERRUPTED=SECOND
    )
    assert done.returncode == 1
    assert laptop.hosts() == [FIRST, SECOND]
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-2:] == [
        f"relay: stopped. done: {FIRST}; failed: {SECOND}; untouched: {THIRD}",
        f"relay: interrupted: a switch that has begun on {SECOND} is finished there;"
        f" look by make status HOST={SECOND}",
    ]


def test_a_host_that_is_away_is_found_before_any_is_touched(laptop: Laptop) -> None:
    """Else the hosts before it would have another release than those behind it."""
    done = laptop.infra("infra", "deploy", "--host", f"{FIRST},{SECOND}", AWAY=f"deploy {SECOND}")
    assert done.returncode == 1
    assert laptop.hosts() == []
    assert done.stderr.splitlines()[-1] == f"relay: deploy@{SECOND} cannot be reached: timed out"


def test_one_host_is_asked_by_what_its_name_leads_to(laptop: Laptop) -> None:
    """And a failure is one line, as ever."""
    done = laptop.infra("infra", "deploy", "--host", FIRST, FAILS=FIRST)
    assert [plan["is_only"] for plan in laptop.seen()] == [True]
    assert done.stderr.splitlines()[-1] == "relay: it carries no message"
    assert "stopped" not in done.stderr


def test_hosts_are_looked_after_in_turn_too(laptop: Laptop) -> None:
    """All are held back, also those behind one that is away."""
    done = laptop.infra(
        *("infra.operate", "hold", "--host", f"{FIRST},{SECOND},{THIRD}", "the launch"), AWAY=SECOND
    )
    assert done.returncode == 1
    assert f"no deploy gets to {FIRST} until" in done.stdout
    assert f"no deploy gets to {THIRD} until" in done.stdout
    assert f"deploy@{SECOND} cannot be reached" in done.stderr


def test_of_several_hosts_each_has_its_own_key(tmp_path: Path) -> None:
    """What one of them shows is not good for another."""
    keys = f"{FIRST} ssh-ed25519 AAAA\n{SECOND} ssh-ed25519 BBBB\n"
    access = Access.prepare(SECOND, "deploy", "", keys, tmp_path, is_only=False)
    assert access.known_hosts is not None
    assert access.known_hosts.read_text() == f"{SECOND} ssh-ed25519 BBBB\n"
    with pytest.raises(Refusal, match=f"HETZNER_HOST_KEY has no line for {THIRD}: expected what"):
        Access.prepare(THIRD, "deploy", "", keys, tmp_path, is_only=False)


async def test_a_name_that_leads_to_any_host_is_not_asked_which() -> None:
    """Else the message after a switch could go through a host that has not had its turn."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.host)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.2", 0)
        await site.start()
        assert runner.addresses
        url = f"http://localhost:{runner.addresses[0][1]}/"
        one_of_many = Address("localhost", "127.0.0.2", is_only=False)
        async with one_of_many.session() as session, session.get(url) as response:
            assert (await response.text()).startswith("localhost:")
        async with Address("localhost", "127.0.0.2").session() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)
    finally:
        await runner.cleanup()
