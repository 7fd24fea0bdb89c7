"""One release's directory on the host: the files it brought, and what is noted of it."""

import os
import shutil
from pathlib import Path

from infra.host.failure import Failure
from infra.host.state import Progress, State, Verdict

# What a release brings and becomes the record with; release.env last, because it names the release.
FILES = ("docker-compose.yml", "Caddyfile.docker", "release.env")


def write(path: Path, text: str) -> None:
    """All of it or nothing, for a reader at any moment and for a host that loses its power."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


class Directory:
    """`/opt/relay/releases/NAME`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @property
    def is_whole(self) -> bool:
        """Whether all that a release brings is there."""
        return all((self.path / name).is_file() for name in FILES)

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def progress(self) -> Progress:
        """How far its switch has got. Failure before it has begun."""
        try:
            return Progress.parse((self.path / "state").read_text())
        except (OSError, ValueError):
            raise Failure(f"release {self.name} has no switch on record") from None

    def begin(self) -> None:
        """A switch starts, or starts anew: nothing is left of an earlier one."""
        (self.path / "verdict").unlink(missing_ok=True)
        write(self.path / "state", State.WAITING)

    def enter(self, state: State, words: str = "") -> None:
        """The one place where the state changes."""
        before = self.progress
        if not before.may_become(state):
            raise Failure(f"a switch that is {before.state} cannot become {state}")
        print(f"{before.state} → {state}", flush=True)
        write(self.path / "state", str(Progress(state, words)))

    @property
    def verdict(self) -> Verdict | None:
        try:
            return Verdict((self.path / "verdict").read_text())
        except OSError:
            return None

    def tell(self, verdict: Verdict) -> None:
        write(self.path / "verdict", verdict)

    @property
    def has_served(self) -> bool:
        """Whether it can be gone back to."""
        return (self.path / "served").exists()

    def remember(self) -> None:
        """It serves, and has been found good, or there is nobody to find otherwise."""
        (self.path / "served").touch()

    @property
    def predecessor(self) -> str | None:
        """The release that it took over from when it was deployed; none where nobody noted it."""
        try:
            return (self.path / "predecessor").read_text().strip()
        except OSError:
            return None

    def follow(self, release: str) -> None:
        """Note its predecessor, once: a rollback to it does not change what came before it."""
        if self.predecessor is None:
            write(self.path / "predecessor", release)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
