"""Waiting for a condition, as long as a busy machine may need."""

import time
from collections.abc import Callable
from typing import Final

LIMIT: Final = 120.0  # seconds: what takes longer with both cores busy does not come any more
_PAUSE: Final = 0.05  # seconds between two looks: looking costs something too


def until(holds: Callable[[], bool], what: str, seconds: float = LIMIT) -> float:
    """Return the seconds it took until `holds` was true; AssertionError with `what` after too many.

    It blocks: asynchronous tests call it in a thread.
    """
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(_PAUSE)
    return time.monotonic() - started
