"""A checkout of this project to deploy from, with commits of its own, as a laptop or CI has it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.lab import engine
from tests.lab.engine import ROOT, run

_AUTHOR: Final = ("-c", "user.name=somebody", "-c", "user.email=somebody@relay.test")
# Seconds for a deploy that was begun to end: it waits for the host, which may wait for itself.
PATIENCE: Final = 300.0
# What the shell that runs the tests has set must not reach a deploy.
_OURS: Final = ("HETZNER_", "RELAY_", "GITHUB_", "SSH_AUTH_SOCK")


@dataclass(frozen=True)
class Outcome:
    """How a deploy or a rollback ended, and what it said."""

    code: int
    output: str

    def succeeded(self) -> Self:
        assert self.code == 0, self.output[-5000:]
        return self

    def refused(self, sentence: str) -> Self:
        """Assert that it failed, and that this is in the sentence it ended with."""
        assert self.code == 1, self.output[-5000:]
        last = self.output.strip().splitlines()[-1]
        assert last.startswith("relay: ") and sentence in last, self.output[-5000:]
        return self


class Checkout:
    """A git repository with the files of this one; `environment` is what a deploy is given."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    @classmethod
    def make(cls, folder: Path, environment: dict[str, str]) -> Self:
        checkout = cls(folder, environment)
        files = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
        for name in files.splitlines():
            if (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / name).read_bytes())
                target.chmod((ROOT / name).stat().st_mode & 0o777)
        checkout.git("init", "--quiet")
        checkout.commit("The first release")
        return checkout

    def git(self, *words: str) -> str:
        return run("git", "-C", self.folder, *_AUTHOR, *words).strip()

    def commit(self, message: str, files: Mapping[str, str] | None = None) -> str:
        """Commit, with these texts in these files; return its hash."""
        for name, text in (files or {}).items():
            (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def undo(self, commit: str) -> None:
        """Have the files of that commit again."""
        self.git("reset", "--quiet", "--hard", commit)

    def deploy(self, *words: str, **environment: str) -> Outcome:
        return self.infra("deploy", *words, **environment)

    def rollback(self, *words: str, **environment: str) -> Outcome:
        return self.infra("rollback", *words, **environment)

    def infra(self, *words: str, **environment: str) -> Outcome:
        return self._run("infra", *words, **environment)

    def operate(self, *words: str, **environment: str) -> Outcome:
        """Look after the host: status, watch, hold, unhold."""
        return self._run("infra.operate", *words, **environment)

    def _run(self, module: str, *words: str, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.folder,
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Outcome(done.returncode, done.stdout)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start it in a process group of its own, and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "infra", *words],
            cwd=self.folder,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        clean = {k: v for k, v in engine.environment().items() if not k.startswith(_OURS)}
        # A home of its own: hosts that are made anew do not belong into anybody's known_hosts.
        (self.folder.parent / "home" / ".ssh").mkdir(parents=True, exist_ok=True)
        home = {"HOME": str(self.folder.parent / "home"), "PYTHONUNBUFFERED": "1"}
        docker = {"DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))}
        return {**docker, **clean, **home, **self.environment, **more}
