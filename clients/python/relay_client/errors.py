"""What goes wrong, and what the caller can do about it.

RelayError
├── QueueFull     a message that was not taken: too much waits already
├── Undelivered   a message of which nobody can say that the relay holds it
└── Closed        the client is closed for good
"""

from enum import Enum


class RelayError(Exception):
    """Any of them."""


class QueueFull(RelayError):
    """A message was not taken, because too much waits already; sizes are in bytes."""

    def __init__(self, size: int, queued: int, limit: int) -> None:
        super().__init__(
            f"message of {size} bytes was not taken: {queued} bytes wait, and the limit is {limit}"
        )
        self.size = size
        self.queued = queued
        self.limit = limit


class Fate(Enum):
    """What became of a message that is not known to be delivered."""

    UNKNOWN = "unknown"  # it was sent, and may have arrived or not
    UNSENT = "unsent"  # it has not arrived


class Undelivered(RelayError):
    """Nobody can say that the relay holds this message."""

    def __init__(self, fate: Fate, reason: str) -> None:
        said = "nobody knows whether it arrived" if fate is Fate.UNKNOWN else "not sent"
        super().__init__(f"{said}: {reason}")
        self.fate = fate


class Closed(RelayError):
    """The client is closed for good; `code` is the relay's close code, None where there is none."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
