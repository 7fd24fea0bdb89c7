"""The books of all processes as one: what was owed, delivered, lost, repeated and reordered."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, NamedTuple

from wsload.account.ledger import Absences, Books
from wsload.client.closes import RESTARTS

_LONGEST_MOVE = 60.0  # seconds: no drain takes longer; what comes later is the next one
_RECEIVED: Final = 4  # in a row of those that stayed
_WORST = 20  # receivers with faults that are named one by one


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver that did not get what it was owed, once and in order."""

    name: str
    lost: int
    repeated: int
    reordered: int

    @property
    def faults(self) -> int:
        return self.lost + self.repeated + self.reordered


@dataclass(frozen=True, slots=True)
class Audit:
    """Messages, counted over all receivers; `sent` alone counts each message once."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    missed: int = 0
    """Said while a receiver that comes back was away, and never delivered."""
    repeated: int = 0
    reordered: int = 0
    split: float = 0.0
    """Seconds, the longest of any room: some members were back from a restart, others had yet to be
    told of it."""
    early: int = 0
    foreign: int = 0
    leaked: int = 0
    receivers: list[Receiver] = field(default_factory=list)


class _Finding(NamedTuple):
    """What came of one account. `wanting`: owed and not received, for whatever reason."""

    name: str
    room: int
    wanting: int
    repeated: int
    reordered: int
    belated: int
    away: Absences


class Sent:
    """The intended times of everything that was sent in one room."""

    def __init__(self) -> None:
        self._times = array("d")
        self._first = inf
        self._sorted: list[float] = []

    def add(self, times: bytes) -> None:
        """Add times as the books have them."""
        begin = len(self._times)
        self._times.frombytes(times)
        self._first = min(self._first, min(self._times[begin:], default=inf))

    def during(self, away: Absences) -> int:
        """How many messages were meant to leave in these times."""
        return sum(self.since(left) - self.since(back) for left, back, _ in away)

    def since(self, moment: float) -> int:
        """How many messages were meant to leave at `moment` or later."""
        if moment <= self._first:
            return len(self._times)  # nearly everybody: who joined before anybody sent
        if not self._sorted:
            self._sorted = sorted(self._times)
        return len(self._sorted) - bisect_left(self._sorted, moment)


def sent_times(books: Iterable[Books]) -> dict[int, Sent]:
    """By room: everything that was sent, by all processes."""
    rooms: dict[int, Sent] = defaultdict(Sent)
    for book in books:
        for room, times in book["sent"].items():
            rooms[room].add(times)
    return rooms


def audit(books: list[Books], sent: Mapping[int, Sent] | None = None) -> Audit:
    """Merge `books`. `sent` (from `sent_times`) where it was gathered before."""
    if sent is None:
        sent = sent_times(books)
    findings = list(_findings(books, sent))
    faulty: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    missed = 0
    for finding in findings:
        said = sent[finding.room].during(finding.away) if finding.room in sent else 0
        # Within bounds where a clock was set, and for those that left, who are not owed everything.
        excused = min(finding.wanting, max(said - finding.belated, 0))
        missed += excused
        lost = finding.wanting - excused
        if lost or finding.repeated or finding.reordered:
            _add(faulty[finding.name], lost, finding.repeated, finding.reordered)
    receivers = [Receiver(name, *counts) for name, counts in faulty.items()]
    receivers.sort(key=lambda receiver: (-receiver.faults, receiver.name))
    return Audit(
        sent=sum(book["sent_count"] for book in books),
        delivered=sum(
            book["left_received"] + sum(row[_RECEIVED] for row in book["stayed"]) for book in books
        ),
        lost=sum(receiver.lost for receiver in receivers),
        missed=missed,
        repeated=sum(receiver.repeated for receiver in receivers),
        reordered=sum(receiver.reordered for receiver in receivers),
        split=_split(findings),
        early=sum(book["early"] for book in books),
        foreign=sum(book["foreign"] for book in books),
        leaked=sum(book["leaked"] for book in books),
        receivers=receivers[:_WORST],
    )


def _findings(books: Iterable[Books], sent: Mapping[int, Sent]) -> Iterator[_Finding]:
    for book in books:
        for name, room, _, wanting, repeated, reordered, belated, away in book["left"]:
            yield _Finding(name, room, wanting, repeated, reordered, belated, away)
        for name, room, joined, own, received, repeated, reordered, belated, away in book["stayed"]:
            owed = (sent[room].since(joined) if room in sent else 0) - own
            # Below zero only where a worker died with the log of what it had sent.
            wanting = max(owed - received, 0)
            yield _Finding(name, room, wanting, repeated, reordered, belated, away)


def _split(findings: Iterable[_Finding]) -> float:
    """See `Audit.split`. A move is a restart as a room sees it: each leaves once and comes back."""
    rooms: dict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for member, finding in enumerate(findings):
        for left, back, code in finding.away:
            if code in RESTARTS:
                rooms[finding.room].append((left, back, member))
    longest = 0.0
    for absences in rooms.values():
        moved: set[int] = set()
        first = inf  # of those that moved, the first that was back
        for left, back, member in sorted(absences):
            if member in moved or left > first + _LONGEST_MOVE:
                moved, first = set(), inf
            longest = max(longest, left - first)
            moved.add(member)
            first = min(first, back)
    return longest


def _add(counts: list[int], *more: int) -> None:
    counts[:] = [count + extra for count, extra in zip(counts, more, strict=True)]
