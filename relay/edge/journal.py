"""Who came and who left, in the log: a line for each, but for no more than so many a second."""

import logging
import time
from collections.abc import Callable
from typing import Final

from relay.member.ending import End
from relay.names import RoomName, UserName, shown

logger = logging.getLogger("relay")

MOST: Final = 200  # lines of one level in a second
_PERIOD: Final = 1.0  # seconds


class Journal:
    """Writes lines; the first of a second tells how many there were without one before."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds: dict[int, tuple[float, int]] = {}  # by level: its beginning, its lines

    def joined(self, user: UserName, room: RoomName, address: str) -> None:
        self._write(logging.INFO, "%s joined %s from %s", shown(user), shown(room), address)

    def left(self, user: UserName, room: RoomName, end: End) -> None:
        level = logging.INFO if end.is_expected else logging.WARNING
        self._write(level, "%s left %s: %s", shown(user), shown(room), end.how)

    def _write(self, level: int, message: str, *facts: object) -> None:
        now = self._now()
        began, lines = self._seconds.get(level, (now, 0))
        if now - began >= _PERIOD:
            if lines > MOST:
                logger.log(level, "%d more came or left without a line", lines - MOST)
            began, lines = now, 0
        self._seconds[level] = began, lines + 1
        if lines < MOST:
            logger.log(level, message, *facts)
