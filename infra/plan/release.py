"""Which commit a release is made of, what the release is called, and whether it would go back."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.host.record import is_release
from infra.plan.refusal import Refusal


@dataclass(frozen=True)
class Release:
    """One release: a commit at a time, by somebody."""

    name: str  # UTC time and 12 digits of the commit
    commit: str
    committed: int  # seconds since 1970
    time: str  # ISO 8601, UTC
    tree: str  # what git archives: the commit, or one with the changes that nobody committed
    changed: tuple[str, ...]  # files with changes that nobody committed

    @classmethod
    def of_checkout(cls) -> "Release":
        """The checkout as it is, with changes that nobody committed, without untracked files."""
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no").splitlines()
        # `stash create` makes a commit of the changes and touches neither checkout nor stash.
        # It wants an author, whom not every machine names.
        author = ("-c", "user.name=relay", "-c", "user.email=relay@localhost")
        tree = (_git(*author, "stash", "create") if changed else "") or commit
        now = datetime.now(UTC)
        mark = "-dirty" if changed else ""
        return cls(
            name=f"{now:%Y%m%dT%H%M%S}-{commit[:12]}{mark}",
            commit=commit + mark,
            committed=int(_git("show", "--no-patch", "--format=%ct", "HEAD")),
            time=now.isoformat(timespec="seconds"),
            tree=tree,
            changed=tuple(line.split(maxsplit=1)[1] for line in changed),
        )

    @property
    def image(self) -> str:
        return f"relay:{self.name}"


def check_not_older(release: Release, running: str, running_committed: int | None) -> None:
    """Refuse to go back. Where a shallow clone does not know that commit, its time decides."""
    if not is_release(running):
        return
    ours, theirs = release.commit.removesuffix("-dirty"), running.split("-")[1]
    if ours.startswith(theirs) or _is_ancestor(theirs, ours):
        return
    newer = f"{theirs} is running and {ours[:12]} is older"
    how = "roll back with make rollback, or deploy it all the same with FORCE=1"
    if _is_ancestor(ours, theirs):
        raise Refusal(f"{newer}, one of its ancestors: {how}")
    if running_committed is not None and release.committed < running_committed:
        raise Refusal(f"{newer}, by the time of its commit: {how}")


def _is_ancestor(older: str, newer: str) -> bool:
    """Whether both are known here and that is so."""
    command = ["git", "merge-base", "--is-ancestor", older, newer]
    return subprocess.run(command, capture_output=True).returncode == 0


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise Refusal("git is not installed: a release is made from a git checkout") from None
    except subprocess.CalledProcessError as error:
        words = error.stderr.strip().splitlines()[-1:]
        raise Refusal(f"git {arguments[0]} failed: {''.join(words)}") from None
    return done.stdout.strip()
