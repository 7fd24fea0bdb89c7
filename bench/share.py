"""A control group that gives processes a part of a core: so a machine of two cores can show what
several relays carry, each with as little as one has.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_PERIOD: Final = 10_000  # microseconds in which the part is to be had: short, or latencies say that


class CannotLimit(Exception):
    """No control group can be made here; `str()` says why."""


@contextmanager
def limited(pid: int, cores: float) -> Iterator[None]:
    """Let a process use so much of a core, by control groups of version 2 or 1, while this lasts.

    Raises `CannotLimit` where that is not to be had.
    """
    if os.geteuid():
        raise CannotLimit("only root makes a control group")
    quota = int(cores * _PERIOD)
    is_second = (_ROOT / "cgroup.controllers").exists()
    limits = (
        {"cpu.max": f"{quota} {_PERIOD}"}
        if is_second
        else {"cpu.cfs_period_us": f"{_PERIOD}", "cpu.cfs_quota_us": f"{quota}"}
    )
    root = _ROOT if is_second else _ROOT / "cpu"
    home = root / _group_of(pid, "" if is_second else "cpu")
    try:
        group = Path(tempfile.mkdtemp(prefix="relay-bench-", dir=root))
    except OSError as error:
        raise CannotLimit(f"{root}: {error.strerror}") from None
    try:
        try:
            for name, value in limits.items():
                (group / name).write_text(value)
            (group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            raise CannotLimit(f"{error.filename}: {error.strerror}") from None
        yield
    finally:
        for each in (group / "cgroup.procs").read_text().split():
            (home / "cgroup.procs").write_text(each)
        group.rmdir()


def _group_of(pid: int, controller: str) -> str:
    """Return the path of the group that a process is in, below where that controller is mounted."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return ""
