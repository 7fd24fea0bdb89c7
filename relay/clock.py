"""Time since 1970 that never jumps, whatever is done to the machine's clock."""

import time
from collections.abc import Callable


def steady() -> Callable[[], float]:
    """Return a clock that tells Unix time in seconds, as of now, and only moves on."""
    epoch = time.time() - time.monotonic()
    return lambda: epoch + time.monotonic()
