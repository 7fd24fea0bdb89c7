"""The books of all processes as one: what was owed, delivered, lost, repeated and reordered."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from ._ledger import Books

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
    repeated: int = 0
    reordered: int = 0
    early: int = 0
    foreign: int = 0
    leaked: int = 0
    receivers: list[Receiver] = field(default_factory=list)


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
    faulty: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    delivered = 0
    for book in books:
        delivered += book["left_received"]
        for name, _, _, lost, repeated, reordered in book["left"]:
            _add(faulty[name], lost, repeated, reordered)
        for name, room, joined, own, received, repeated, reordered in book["stayed"]:
            delivered += received
            owed = (sent[room].since(joined) if room in sent else 0) - own
            # Below zero only where a worker died with the log of what it had sent.
            lost = max(owed - received, 0)
            if lost or repeated or reordered:
                _add(faulty[name], lost, repeated, reordered)
    receivers = [Receiver(name, *counts) for name, counts in faulty.items()]
    receivers.sort(key=lambda receiver: (-receiver.faults, receiver.name))
    return Audit(
        sent=sum(book["sent_count"] for book in books),
        delivered=delivered,
        lost=sum(receiver.lost for receiver in receivers),
        repeated=sum(receiver.repeated for receiver in receivers),
        reordered=sum(receiver.reordered for receiver in receivers),
        early=sum(book["early"] for book in books),
        foreign=sum(book["foreign"] for book in books),
        leaked=sum(book["leaked"] for book in books),
        receivers=receivers[:_WORST],
    )


def _add(counts: list[int], *more: int) -> None:
    counts[:] = [count + extra for count, extra in zip(counts, more, strict=True)]
