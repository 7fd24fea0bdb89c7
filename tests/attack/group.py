"""A control group of one's own that limits the memory of what runs in it; only root makes one."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LIMIT: Final = 512 * 1024**2  # bytes
_ROOT: Final = Path("/sys/fs/cgroup")
_ENTER: Final = 'echo $$ > "$0"/cgroup.procs && exec "$@"'


class NoGroup(Exception):
    """None can be made here; `str()` says why."""


class Group:
    """A group of control groups version 2, or of the memory controller of version 1."""

    def __init__(self) -> None:
        if os.geteuid():
            raise NoGroup("a control group is made by root alone")
        is_second = "memory" in _read(_ROOT / "cgroup.subtree_control").split()
        mount = _ROOT if is_second else _ROOT / "memory"
        file = "memory.max" if is_second else "memory.limit_in_bytes"
        try:
            self.path = Path(tempfile.mkdtemp(prefix="relay-attack-", dir=mount))
            (self.path / file).write_text(str(LIMIT))
        except OSError as error:
            raise NoGroup(f"no control group can be made here: {error.strerror}") from None

    @property
    def command(self) -> Sequence[str]:
        """What runs another command inside."""
        return "sh", "-c", _ENTER, str(self.path)

    def remove(self) -> None:
        """Nothing runs in it any more."""
        self.path.rmdir()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
