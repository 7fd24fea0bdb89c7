"""What a run is about: decided before anything is touched, read by the files that pyinfra runs."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.plan.access import Access
from infra.plan.refusal import Refusal
from infra.plan.release import Release

_VARIABLE = "RELAY_PLAN"  # the directory that holds it, private to this run


@dataclass(frozen=True)
class Plan:
    """One run. `release` is none for a rollback, whose `target` may be empty: the one before."""

    directory: Path
    access: Access
    domain: str  # "" for what the host's settings say
    release: Release | None
    target: str
    actor: str
    force: bool
    wait: int  # seconds for another deploy to end
    witnesses: int  # clients that stay connected meanwhile; 0 for none
    is_only: bool  # else one of several hosts, and a name may lead to any of them

    def save(self) -> dict[str, str]:
        """Write it down; return the environment in which `load` finds it."""
        written = json.dumps(asdict(self), default=str)
        (self.directory / "plan.json").write_text(written)
        return {_VARIABLE: str(self.directory)}

    @classmethod
    def load(cls) -> "Plan":
        if _VARIABLE not in os.environ:
            raise Refusal("started without a plan: use make deploy or make rollback")
        directory = Path(os.environ[_VARIABLE])
        read = json.loads((directory / "plan.json").read_text())
        access, release = read.pop("access"), read.pop("release")
        for path in ("key", "known_hosts"):
            access[path] = Path(access[path]) if access[path] else None
        if release:
            release["changed"] = tuple(release["changed"])
        return cls(
            **{**read, "directory": directory},
            access=Access(**access),
            release=Release(**release) if release else None,
        )
