"""What the host has on record, in /opt/relay: which release serves, which switch is under way."""

import os
import re
from pathlib import Path

from infra.host.directory import FILES, Directory, write

NONE = "none"  # the release of a host that has none yet
IMAGE = "relay"
_NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{12}(-dirty)?")


def is_release(name: str) -> bool:
    """Whether a name, or an image's tag, is that of a release."""
    return _NAME.fullmatch(name) is not None


class Record:
    """The directory of the host that provisioning made."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def current(self) -> str:
        """The release on record."""
        try:
            lines = (self.root / "release.env").read_text().splitlines()
        except OSError:
            return NONE
        images = [line for line in lines if line.startswith(f"RELAY_IMAGE={IMAGE}:")]
        return images[-1].partition(":")[2].strip() if images else NONE

    @property
    def hold(self) -> str:
        """Who holds deploys back, since when and why; "" for nobody."""
        try:
            return (self.root / "hold").read_text().strip()
        except OSError:
            return ""

    def hold_back(self, words: str) -> None:
        write(self.root / "hold", f"{words}\n")

    def let_go(self) -> None:
        (self.root / "hold").unlink(missing_ok=True)

    def setting(self, name: str) -> str:
        """Of the host's settings, which provisioning writes; "" where it is not set."""
        try:
            lines = (self.root / ".env").read_text().splitlines()
        except OSError:
            return ""
        found = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
        return found[-1].strip("'") if found else ""

    def release(self, name: str) -> Directory:
        return Directory(self.root / "releases" / name)

    def releases(self) -> list[Directory]:
        """Those that have a directory, the oldest first."""
        found = (self.root / "releases").iterdir()
        return [Directory(path) for path in sorted(found) if is_release(path.name)]

    def before(self, name: str) -> str | None:
        """The release to go back to from this one; none if nothing remembered came before it."""
        noted = self.release(name).predecessor
        if noted is None:  # put live by a program that noted none: the last one by time
            older = [release.name for release in self.releases() if release.name < name]
            noted = next((old for old in reversed(older) if self.release(old).has_served), NONE)
        return noted if self.release(noted).has_served else None

    def holds(self, release: Directory) -> bool:
        """Whether the files of the host are those of this release, all of them."""
        pairs = ((self.root / name, release.path / name) for name in FILES)
        return all(ours.read_bytes() == theirs.read_bytes() for ours, theirs in pairs)

    def commit(self, release: Directory) -> None:
        """Make its files those of the host. OSError if they do not fit on the disk."""
        new = {name: self.root / f".{name}.new" for name in FILES}
        for name, path in new.items():
            with path.open("wb") as file:
                file.write((release.path / name).read_bytes())
                file.flush()
                os.fsync(file.fileno())
            # For everybody to read: Caddy's root has no right to pass over a file's mode.
            path.chmod(0o644)
        for name, path in new.items():
            path.replace(self.root / name)

    @property
    def caddyfile(self) -> bytes:
        return (self.root / "Caddyfile.docker").read_bytes()

    @property
    def under_way(self) -> str | None:
        """The release whose switch began and has not ended.

        It is a link to that release's directory: whoever mends finds its program there.
        """
        try:
            return self._link.readlink().name
        except OSError:
            return None

    def begin(self, release: Directory) -> None:
        new = self.root / ".switching.new"
        new.unlink(missing_ok=True)
        new.symlink_to(release.path)
        new.replace(self._link)

    def end(self) -> None:
        self._link.unlink(missing_ok=True)

    @property
    def _link(self) -> Path:
        return self.root / "switching"
