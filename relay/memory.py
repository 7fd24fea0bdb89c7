"""How much memory this process may use, and uses. Linux; elsewhere the limit is a cautious guess.

A container's limit is a file of its control group: `memory.max` (v2) or `limit_in_bytes` (v1); a
shell's or a service's is a resource limit.
"""

import os
import resource
from pathlib import Path
from typing import Final

_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_STATM: Final = Path("/proc/self/statm")
_GUESS: Final = 2 * 1024**3


def limit() -> int:
    """Return in bytes what this process may use: the least of all limits that apply."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        total = _GUESS
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        total = min(total, address_space)
    for path in _LIMITS:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return total


def resident() -> int:
    """Return in bytes what this process uses; 0 where that cannot be told."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
