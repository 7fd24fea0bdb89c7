"""Refusals: HTTP answers that say in one sentence why a request is refused, and their log lines."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

logger = logging.getLogger("relay")

_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9._-]{8,}")  # how each JSON Web Token begins
_SHOWN: Final = 64  # characters of what a client sent
_PERIOD: Final = 1.0  # seconds in which one cause gets one line
_CAUSES: Final = 256  # causes that are told apart
# What differs between two sentences of one cause: what was quoted from a client, and numbers.
_FACTS: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[0-9a-f.:]*[0-9][0-9a-f.:/]*")


LAST: Final = {"Connection": "close"}
"""For the answer after which a connection ends: its socket is wanted for others."""


class Refusal(Exception):
    """An HTTP answer that says in one sentence why a request is refused."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.headers = dict(headers or {})


def quoted(text: str) -> str:
    """Return what a client sent as it may stand in a sentence and a log: one line, not long.

    A token in the wrong place is left out.
    """
    text = _TOKEN.sub("eyJ…", text)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


class RefusalLog:
    """Writes one line at most per cause and second, whatever strangers send.

    The next line of a cause tells how many there were without one.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._causes: dict[str, tuple[float, int]] = {}  # when written last, how many since

    def write(self, method: str, status: int, error: str) -> None:
        """Note that a request of this method was refused."""
        cause, now = f"{status} {_FACTS.sub('', error)}", self._now()
        written, silent = self._causes.get(cause, (now - _PERIOD, 0))
        if now - written < _PERIOD:
            self._causes[cause] = written, silent + 1
            return
        if len(self._causes) >= _CAUSES:
            self._causes.clear()
        self._causes[cause] = now, 0
        more = f" ({silent} more since the last line)" if silent else ""
        logger.info("refused %s: %d %s%s", method, status, error, more)
