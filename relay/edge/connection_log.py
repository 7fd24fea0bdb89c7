"""Who came and who left, in the log: a line for each, but for no more than so many a second."""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from relay.member.ending import End
from relay.names import RoomName, UserName, shown

logger = logging.getLogger("relay")

MOST: Final = 200  # lines of one level in a second
_PERIOD: Final = 1.0  # seconds
_RECENT: Final = 1000  # of those who left


class Left(NamedTuple):
    """Somebody who has left: the reason in one word, and in a sentence."""

    at: float  # Unix time, seconds
    user: UserName
    room: RoomName
    reason: str
    how: str


class ConnectionLog:
    """Writes lines; the first of a second tells how many there were without one before.

    `recent` are the last who left, over all rooms.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds: dict[int, tuple[float, int]] = {}  # by level: its beginning, its lines
        self.recent: deque[Left] = deque(maxlen=_RECENT)

    def joined(self, user: UserName, room: RoomName, address: str) -> None:
        self._write(logging.INFO, "%s joined %s from %s", shown(user), shown(room), address)

    def left(self, user: UserName, room: RoomName, end: End) -> None:
        self.recent.append(Left(time.time(), user, room, end.reason, end.how))
        level = logging.INFO if end.is_expected else logging.WARNING
        self._write(level, "%s left %s: %s", shown(user), shown(room), end.how)

    def defect(self, user: UserName, room: RoomName) -> None:
        """Write the exception that is being handled: somebody has to look at each."""
        logger.exception("%s in %s: a defect of the relay", shown(user), shown(room))

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
