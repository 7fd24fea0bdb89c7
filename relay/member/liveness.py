"""Whether a client is still there: what was heard of it, and whether it takes its backlog.

All times are seconds of one clock, given by whoever asks.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

STALL: Final = 5.0  # seconds in which a backlog has to shrink


class Sign(Enum):
    """What follows from the silence of a client."""

    ALIVE = "alive"
    ASK = "ask"  # it has been silent for an interval: ping it
    GONE = "gone"  # it has not answered either


@dataclass(slots=True)
class Liveness:
    """Values that say when a client was last heard, and when its backlog last moved.

    Progress is counted in bytes that the client's kernel has acknowledged. That ours takes more is
    no measure: its buffer is megabytes, and it asks for more when a third of it is free, which a
    slow link needs many seconds for.
    """

    heard: float
    taken: float = 0.0  # when it was last seen to take its backlog while a ping waited behind it
    asked_at: int | None = None  # bytes acknowledged when it was pinged; None: no ping is under way
    moved: float | None = None  # when its backlog was last seen to shrink; None: no backlog
    moved_at: int = 0  # bytes acknowledged at that time

    def hear(self, now: float) -> None:
        """Something has come from the client, or its silence was ours."""
        self.heard = now
        self.asked_at = None

    def silence(self, now: float) -> float:
        """Return for how many seconds there has been no sign of life."""
        return now - max(self.heard, self.taken)

    def check(
        self, now: float, acknowledged: int, *, interval: float, period: float, is_blocked: bool
    ) -> Sign:
        """Return what to do, to be asked every `period`; `interval` is the one between pings.

        A silent client is pinged after one interval, and gone after one and a half.
        """
        silence = self.silence(now)
        if silence < interval - period:
            return Sign.ALIVE
        if self.asked_at is None:
            self.asked_at = acknowledged
            return Sign.ASK
        if is_blocked and acknowledged > self.asked_at:
            self.asked_at, self.taken = None, now  # the ping waits behind what it is taking
            return Sign.ALIVE
        return Sign.GONE if silence >= interval * 1.5 - period else Sign.ALIVE

    def has_stalled(self, now: float, acknowledged: int) -> bool:
        """Whether nothing of a backlog has been taken for `STALL` seconds.

        To be asked several times in such a span, and only while there is a backlog.
        """
        if self.moved is None or acknowledged > self.moved_at:
            self.moved, self.moved_at = now, acknowledged
        return now - self.moved >= STALL
