"""The lock of the host: whoever changes what serves holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.host.clock import Clock
from infra.host.failure import Failure

_LOOK = 0.1  # seconds between two tries


@contextmanager
def hold(path: Path, holder: str, wait: float, clock: Clock) -> Iterator[None]:
    """Hold it; Failure names who has it if that one does not let go within `wait` seconds.

    The lock ends with the process: programs that this one starts do not inherit it.
    """
    deadline = clock.now() + wait
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.now() >= deadline:
                    raise Failure(
                        f"this host is held by another run, which did not end within {wait:g} s:"
                        f" {path.read_text().strip()}"
                    ) from None
            clock.sleep(_LOOK)
        file.truncate(0)
        file.write(f"{holder}, since {clock.stamp()} UTC\n")
        file.flush()
        yield
