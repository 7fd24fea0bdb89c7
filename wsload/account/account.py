"""What one member has received, sender by sender, and when it was there to receive it."""

from array import array
from bisect import bisect_right
from collections import Counter
from enum import Enum
from math import inf
from typing import NamedTuple

from wsload.account.payload import ROOM_SHIFT, RUN_SHIFT, room_of
from wsload.account.verifier import Fault

RESTARTS = frozenset({1001, 1012})
"""Close codes of a server that goes away for all of its clients."""

Range = tuple[int, int]
"""Sequence numbers from the first up to, and without, the second."""


class Absence(NamedTuple):
    """From the end of a connection until its member was back (infinity: it was not)."""

    left: float
    back: float
    code: int  # with which the server closed
    heard: dict[int, int]  # by sender: the sequence number that came next


class End(Enum):
    """How a member's part in the run ended."""

    STAYED = "stayed"  # to the end of the run: owed everything
    LEFT = "left"  # by itself: what was on its way is nobody's loss
    CLOSED = "closed"  # by the server, for good


class Account:
    """The account of one member over all its connections.

    Per sender a server keeps order, so the next number is a delivery; a higher one leaves a gap; a
    number out of a gap was reordered; any other number has been here before: it was repeated. No
    sender's account is ever set off against another's.
    """

    __slots__ = (
        "away", "checked", "echo", "faults", "foreign", "gaps", "joined", "key", "leaked", "name",
        "next", "reordered", "repeated", "sent", "texts", "too_short",
    )  # fmt: skip

    def __init__(self, name: str, key: int, *, joined: float, echo: bool, checked: bool) -> None:
        """`joined`: when the handshake completed; `checked` false: is not owed anything."""
        self.name = name
        self.key = key
        self.joined = joined
        self.echo = echo
        self.checked = checked
        self.next: dict[int, int] = {}
        """By sender: the sequence number that comes next."""
        self.gaps: dict[int, list[Range]] = {}
        """By sender: what did not come, before what came last; ascending."""
        self.repeated = 0
        self.reordered = 0
        self.leaked = 0
        self.faults: Counter[str] = Counter()  # by `Fault`
        self.foreign = 0
        self.texts = 0  # text messages, where everything sent was binary
        self.too_short = 0  # of the truncated ones: shorter than a header
        self.sent: array[float] | None = None  # intended times; none until it sends
        self.away: list[Absence] = []

    @property
    def room(self) -> int:
        return room_of(self.key)

    def absent(
        self, left: float, back: float, code: int, heard: dict[int, int] | None = None
    ) -> None:
        """The server cut it off with `code`, and it came back (infinity: it did not). `heard`: what
        `next` was then; none: it has not changed since."""
        self.away.append(Absence(left, back, code, dict(self.next) if heard is None else heard))

    def reject(self, fault: Fault) -> None:
        """A message that cannot be believed."""
        if fault is Fault.FOREIGN:
            self.foreign += 1
        else:
            self.faults[fault.value] += 1

    def place(self, key: int, sequence: int) -> bool:
        """Account for a sound message that is not its sender's next one. True: a delivery."""
        if key >> ROOM_SHIFT != self.key >> ROOM_SHIFT:
            if key >> RUN_SHIFT == self.key >> RUN_SHIFT:
                self.leaked += 1  # from another room of this run: the server mixed rooms
            else:
                self.foreign += 1
            return False
        if key == self.key and not self.echo:
            self.repeated += 1  # its own, unasked: a copy that nobody should have got
            return False
        expected = self.next.get(key, 0)
        if sequence >= expected:
            if sequence > expected:
                self.gaps.setdefault(key, []).append((expected, sequence))
            self.next[key] = sequence + 1
            return True
        if self._fill(key, sequence):
            self.reordered += 1
            return True
        self.repeated += 1
        return False

    def _fill(self, key: int, sequence: int) -> bool:
        """Take `sequence` out of the gap that it is in. False: it is in none."""
        gaps = self.gaps.get(key)
        if not gaps:
            return False
        index = bisect_right(gaps, (sequence, inf)) - 1
        begin, end = gaps[index] if index >= 0 else (0, 0)
        if not begin <= sequence < end:
            return False
        gaps[index : index + 1] = [
            part for part in ((begin, sequence), (sequence + 1, end)) if part[0] < part[1]
        ]
        return True

    @property
    def received(self) -> int:
        """Messages that came, each counted once."""
        missing = sum(end - begin for gaps in self.gaps.values() for begin, end in gaps)
        return sum(self.next.values()) - missing
