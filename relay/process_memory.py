"""How much memory this process may use, and uses. Linux; elsewhere the limit is a cautious guess.

A container's limit is a file of its control group: `memory.max` (v2) or `limit_in_bytes` (v1); a
shell's or a service's is a resource limit.
"""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

# Where control groups are mounted, and the file of the limit: version 2, then version 1.
_GROUPS: Final = (
    (Path("/sys/fs/cgroup"), "memory.max"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
)
_OWN_GROUP: Final = Path("/proc/self/cgroup")
_STATM: Final = Path("/proc/self/statm")
_GUESS: Final = 2 * 1024**3
# Parameters of GNU's `mallopt`, and bytes: from where on a block has a mapping of its own, and how
# much the heap may keep at its end.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 4 * 1024**2  # smaller ones cost more page faults than they give back
_SPARE: Final = 2 * _LARGE  # what the library would choose by itself


def limit() -> int:
    """Return in bytes what this process may use: the least of all limits that apply."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        total = _GUESS
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        total = min(total, address_space)
    for path in _limit_files():
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


def trim() -> None:
    """Give back to the system what the allocator keeps of memory that is free; GNU's C library."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def give_back_large_blocks() -> None:
    """Have each large block go back to the system when it is freed; GNU's C library.

    By itself the library moves that bound up to the largest block freed so far, 32 MB at most. Then
    messages of megabytes lie in the heap, and what is free between them stays with the process: 50
    clients that send 10 MB each took 400 MB, of which half was held.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _SPARE)


def _limit_files() -> Iterator[Path]:
    """Yield the files that may limit this process: of its group, and of all that this is in.

    In a container the own group is the root of what is mounted.
    """
    own = {Path("/")}
    with suppress(OSError):
        for line in _OWN_GROUP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                own |= {Path(path), *Path(path).parents}
    for mount, name in _GROUPS:
        for group in sorted(own):
            yield mount / str(group).lstrip("/") / name
