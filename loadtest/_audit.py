"""The books of all processes as one: what was owed, delivered, lost, repeated and reordered."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

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


def sent_times(books: Iterable[Books]) -> dict[int, np.ndarray]:
    """By room: the intended times of everything sent, ascending."""
    rooms: dict[int, list[bytes]] = defaultdict(list)
    for book in books:
        for room, times in book["sent"].items():
            rooms[room].append(times)
    return {
        room: np.sort(np.frombuffer(b"".join(parts), dtype=np.float64))
        for room, parts in rooms.items()
    }


def audit(books: list[Books], sent: dict[int, np.ndarray] | None = None) -> Audit:
    """Merge `books`. `sent` (from `sent_times`) where it was gathered before."""
    if sent is None:
        sent = sent_times(books)
    stayed = [row for book in books for row in book["stayed"]]
    faulty: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    delivered = sum(book["left_received"] for book in books)
    for book in books:
        for name, _, _, lost, repeated, reordered in book["left"]:
            _add(faulty[name], lost, repeated, reordered)
    for room, rows in _by_room(stayed).items():
        times = sent.get(room, np.empty(0))
        joined = np.array([row[2] for row in rows])
        owed = len(times) - np.searchsorted(times, joined, side="left")
        for (name, _, _, own, received, repeated, reordered), due in zip(rows, owed, strict=True):
            delivered += received
            # Below zero only where a worker died with the log of what it had sent.
            lost = max(int(due) - own - received, 0)
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


_Row = tuple[str, int, float, int, int, int, int]


def _by_room(stayed: list[_Row]) -> dict[int, list[_Row]]:
    rooms: dict[int, list[_Row]] = defaultdict(list)
    for row in stayed:
        rooms[row[1]].append(row)
    return rooms


def _add(counts: list[int], *more: int) -> None:
    counts[:] = [count + extra for count, extra in zip(counts, more, strict=True)]
