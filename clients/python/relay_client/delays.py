"""How long to wait before the next attempt."""

import random
from collections.abc import Callable
from typing import Final

_FIRST: Final = 0.5  # seconds
_LONGEST_AT_FIRST: Final = 5.0  # seconds, while
_AT_FIRST: Final = 60.0  # seconds have not passed since the connection was lost
_LONGEST: Final = 30.0  # seconds


_random: Final = random.Random()  # noqa: S311 - spread is all that is wanted of it


def backoff(failures: int, away: float, draw: Callable[[], float] = _random.random) -> float:
    """Return the seconds to wait after so many failures in a row, `away` for so many seconds.

    Full jitter, so that clients that were cut off together do not come back together: at most 0.5
    after the first failure, 5 in the first minute, and never above 30.
    """
    longest = _LONGEST_AT_FIRST if away < _AT_FIRST else _LONGEST
    return draw() * min(_FIRST * 2.0 ** min(failures, 30), longest)
