"""The host's Docker engine, by its command line: typed facts out, one sentence where it fails."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.host.clock import Clock
from infra.host.failure import Failure

_PATIENCE = 60.0  # seconds for an engine that is being restarted: its containers go on meanwhile
_LIMIT = 900.0  # seconds for one command: above any grace period, and an engine that hangs ends
_PAUSE = 0.5
_HEALTH = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/health', None, 5).read()"
    ".decode())"
)
# A rehearsal is a one-off container, and never among the relays.
_RELAYS = (
    *("--filter", "label=com.docker.compose.project=relay"),
    *("--filter", "label=com.docker.compose.service=relay"),
    *("--filter", "label=com.docker.compose.oneoff=False"),
)


@dataclass(frozen=True)
class Answer:
    """What a command said, and whether it worked."""

    worked: bool
    output: str
    errors: str = ""

    @property
    def reason(self) -> str:
        """Its last line, for whoever asks why it did not work."""
        lines = (self.output + self.errors).strip().splitlines()
        return lines[-1].strip() if lines else "it did not say why"


# A command with its input, run to its end.
Run = Callable[[Sequence[str], bytes], Answer]


def run_here(command: Sequence[str], text: bytes) -> Answer:
    """Run a program of this host."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        return Answer(False, "", f"no answer within {_LIMIT:g} s")
    except OSError as error:
        return Answer(False, "", str(error))
    return Answer(
        done.returncode == 0,
        done.stdout.decode(errors="replace"),
        done.stderr.decode("utf-8", "replace"),
    )


@dataclass(frozen=True)
class Container:
    """A relay's container as it was when the engine was asked."""

    id: str
    release: str  # the tag of its image
    status: str  # created, running, paused, restarting, exited, dead
    restarts: int
    exit_code: int
    health: str  # "" where it has no health check
    check: tuple[str, ...]  # that health check, as the image has it

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        state, config = facts["State"], facts["Config"]
        return cls(
            id=facts["Id"],
            release=config["Image"].rpartition(":")[2],
            status=state["Status"],
            restarts=facts["RestartCount"],
            exit_code=state["ExitCode"],
            health=(state.get("Health") or {}).get("Status", ""),
            check=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
        )


class Docker:
    """The engine, asked for the relays of `root`, the host's /opt/relay."""

    def __init__(self, root: Path, clock: Clock, run: Run = run_here) -> None:
        self._root = root
        self._clock = clock
        self._run = run

    def relays(self) -> list[Container]:
        """All containers of the service, running or not."""
        ids = self._must("ps", "--all", "--quiet", "--no-trunc", *_RELAYS).split()
        return [Container.read(facts) for facts in self._inspect(ids)] if ids else []

    def look(self, container: Container) -> Container:
        """The same container, as it is now."""
        return Container.read(self._inspect([container.id])[0])

    def find(self, name: str) -> Container:
        """The container of this name."""
        return Container.read(self._inspect([name])[0])

    def _inspect(self, ids: list[str]) -> list[dict[str, Any]]:
        facts: list[dict[str, Any]] = json.loads(self._must("inspect", *ids))
        return facts

    def compose(self, release: Path, *arguments: str) -> Answer:
        """Compose by the files of a release and the host's own settings."""
        return self.ask(
            *("compose", "--project-name", "relay", "--project-directory", str(self._root)),
            *("--env-file", str(self._root / ".env"), "--env-file", str(release / "release.env")),
            *("--file", str(release / "docker-compose.yml"), *arguments),
        )

    def create(self, release: Path) -> Container:
        """Make one more relay, of this release, beside those that there are. It is not started."""
        before = {relay.id for relay in self.relays()}
        made = self.compose(
            release,
            *("--progress", "quiet", "create", "--no-recreate", "--pull", "never"),
            *("--scale", f"relay={len(before) + 1}", "relay"),
        )
        new = [relay for relay in self.relays() if relay.id not in before]
        if not made.worked or not new:
            for container in new:
                self.remove(container)
            raise Failure(f"compose did not make its container: {made.reason}")
        return new[0]

    def start(self, container: Container) -> None:
        self._must("start", container.id)

    def wake(self, container: Container) -> None:
        self._must("unpause", container.id)

    def stop(self, container: Container) -> None:
        """Ask it to end, within its own grace period. One that cannot be stopped goes on."""
        answer = self.ask("stop", container.id)
        if not answer.worked:
            print(f"docker stop failed: {answer.reason}", flush=True)

    def kill(self, container: Container) -> None:
        """End one that hangs; one that has ended meanwhile is as good."""
        self.ask("kill", container.id)

    def remove(self, container: Container) -> None:
        """Whatever it does; one that is gone is as good."""
        self.ask("rm", "--force", container.id)

    def let_restart(self, container: Container, may: bool) -> None:
        """Whether the engine starts it again, after a crash and after a reboot of the host."""
        self._must("update", "--restart", "unless-stopped" if may else "no", container.id)

    def execute(self, container: Container, *command: str, text: bytes = b"") -> Answer:
        """Run a command in it."""
        interactive = ("--interactive",) if text else ()
        return self.ask("exec", *interactive, container.id, *command, text=text)

    def logs(self, container: Container, lines: int) -> list[str]:
        said = self.ask("logs", "--tail", str(lines), container.id)
        return (said.output + said.errors).splitlines()

    def remove_named(self, name: str) -> None:
        self.ask("rm", "--force", name)

    def stack(self) -> list[dict[str, Any]]:
        """All that the engine knows of relay and Caddy, rehearsals left out."""
        own = ("--filter", "label=com.docker.compose.project=relay")
        real = ("--filter", "label=com.docker.compose.oneoff=False")
        ids = self._must("ps", "--all", "--quiet", "--no-trunc", *own, *real).split()
        return self._inspect(ids) if ids else []

    def memory(self) -> dict[str, float]:
        """By container: which part of its memory it has taken, 0 to 1; those that run."""
        form = "{{.ID}} {{.MemPerc}}"
        lines = self._must("stats", "--no-stream", "--no-trunc", "--format", form).splitlines()
        parts = (line.split() for line in lines)
        # One that ends meanwhile has "--".
        known = ((container, part.rstrip("%")) for container, part in parts if part != "--")
        return {container: float(percent) / 100 for container, percent in known}

    def health(self) -> dict[str, Any]:
        """What `/health` of the relay that serves answers; empty if none does."""
        for relay in self.relays():
            answer = self.execute(relay, "python", "-IS", "-c", _HEALTH)
            if answer.worked:
                health: dict[str, Any] = json.loads(answer.output)
                return health
        return {}

    def one_offs(self) -> list[str]:
        """The containers of rehearsals."""
        own = "label=com.docker.compose.project=relay"
        one_off = "label=com.docker.compose.oneoff=True"
        return self._must("ps", "--all", "--quiet", "--filter", own, "--filter", one_off).split()

    def tags(self) -> list[str]:
        """Of all images of the relay."""
        return self._must("image", "ls", "--format", "{{.Tag}}", "relay").split()

    def forget(self, tag: str) -> None:
        """Remove an image; one that is gone, or is still used, is as good."""
        self.ask("image", "rm", f"relay:{tag}")

    def prune_builds(self) -> None:
        """Remove what builds here have left, but that of a day: the next one builds on it."""
        self.ask("image", "prune", "--force", "--filter", "until=24h")
        self.ask("builder", "prune", "--force", "--filter", "until=24h")

    def ask(self, *arguments: str, text: bytes = b"") -> Answer:
        """Run a command of the engine; one that cannot be reached is waited for."""
        deadline = self._clock.now() + _PATIENCE
        while True:
            answer = self._run(("docker", *arguments), text)
            away = "Cannot connect to the Docker daemon" in answer.errors
            if not away or self._clock.now() >= deadline:
                return answer
            self._clock.sleep(_PAUSE)

    def _must(self, *arguments: str) -> str:
        answer = self.ask(*arguments)
        if not answer.worked:
            raise Failure(f"docker {arguments[0]} failed: {answer.reason}")
        return answer.output
