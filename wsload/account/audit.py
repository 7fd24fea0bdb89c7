"""The books of all processes as one: what was owed, delivered, lost, and why.

Every pair of a sender and a receiver has an account of its own, and every message that is missing
in it has one reason, the first that holds:

- it was meant to leave while the receiver was away: missed;
- it was on its way to the receiver, or from the sender, when the server closed that one's
  connection: unread at close;
- lost.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from math import inf

from wsload.account.account import RESTARTS, Absence, End, Range
from wsload.account.ledger import Books, Entry, unpacked
from wsload.account.payload import room_of, worker_of

Logs = Mapping[int, "array[float]"]
"""By sender: the intended times of everything that it sent, ascending."""

FAULTS = ("lost", "repeated", "reordered", "leaked", "corrupted", "truncated", "unexpected")
"""What no server may do: each is counted, and by default none is allowed."""

_LONGEST_MOVE = 60.0  # seconds: no drain takes longer; what comes later is the next one
_WORST = 20  # receivers with faults that are named one by one


@dataclass(slots=True)
class Receiver:
    """What one receiver got that it should not have, and did not get that it should."""

    name: str
    lost: int = 0
    repeated: int = 0
    reordered: int = 0
    leaked: int = 0
    corrupted: int = 0
    truncated: int = 0
    unexpected: int = 0

    @property
    def faults(self) -> int:
        return sum(getattr(self, name) for name in FAULTS)


@dataclass(frozen=True, slots=True)
class Audit:
    """Messages, counted over all receivers; `sent` alone counts each message once."""

    sent: int = 0
    delivered: int = 0
    early: int = 0
    """Of the delivered: meant to leave before the receiver had joined, so nobody owed them."""
    lost: int = 0
    missed: int = 0
    unread: int = 0
    repeated: int = 0
    reordered: int = 0
    leaked: int = 0
    corrupted: int = 0
    truncated: int = 0
    unexpected: int = 0
    split: float = 0.0
    """Seconds, the longest of any room: some members were back from a restart, others had yet to be
    told of it."""
    foreign: int = 0
    texts: int = 0
    too_short: int = 0
    receivers: list[Receiver] = field(default_factory=list)

    @property
    def owed(self) -> int:
        return self.delivered - self.early + self.lost + self.missed + self.unread


def gather(books: Iterable[Books]) -> dict[int, "array[float]"]:
    """The logs of all senders, from books that have them."""
    found: dict[int, array[float]] = {}
    for book in books:
        found.update(unpacked(book["sent"]))
    return found


def audit(books: list[Books], sent: Logs | None = None) -> Audit:
    """Merge `books`. `sent`: the logs of all senders, where the books are without."""
    sent = gather(books) if sent is None else sent
    entries = [entry for book in books for entry in book["entries"]]
    rooms: dict[int, dict[int, array[float]]] = defaultdict(dict)
    for key, times in sent.items():
        rooms[room_of(key)][key] = times
    cuts = _cuts(entries, sent)
    workers = {book["worker"] for book in books}
    early = missed = unread = 0
    delivered = sum(book["totals"]["delivered"] for book in books)
    receivers = []
    for entry in entries:
        found = _Reckoning(entry, rooms[room_of(entry["key"])], cuts, workers)
        early, delivered = early + found.early, delivered + found.delivered
        missed, unread = missed + found.missed, unread + found.unread
        if found.receiver.faults:
            receivers.append(found.receiver)
    receivers.sort(key=lambda receiver: (-receiver.faults, receiver.name))
    return Audit(
        sent=sum(book["sent_count"] for book in books),
        delivered=delivered,
        early=early,
        missed=missed,
        unread=unread,
        **{name: sum(getattr(receiver, name) for receiver in receivers) for name in FAULTS},
        split=_split(entries),
        foreign=sum(book["totals"]["foreign"] for book in books),
        texts=sum(book["totals"]["texts"] for book in books),
        too_short=sum(book["totals"]["too_short"] for book in books),
        receivers=receivers[:_WORST],
    )


class _Reckoning:
    """One receiver's accounts with all senders of its room."""

    def __init__(
        self, entry: Entry, room: Logs, cuts: Mapping[int, list[Range]], workers: Set[int]
    ) -> None:
        """`workers`: the numbers of the processes whose books are here."""
        self._entry = entry
        self._cuts = cuts
        self.early = self.delivered = self.missed = self.unread = 0
        self.receiver = Receiver(
            entry["name"],
            repeated=entry["repeated"],
            reordered=entry["reordered"],
            leaked=entry["leaked"],
            **{name: count for name, count in entry["faults"].items() if name in FAULTS},
        )
        heard, echo, own = entry["heard"], entry["echo"], entry["key"]
        for key, after in heard.items():
            times = room.get(key)
            if times is None:
                self._unknown(key, after, workers)
            elif entry["gaps"].get(key) or after != len(times) or entry["joined"] > times[0]:
                self._reckon(key, after, times)
            else:
                self.delivered += after  # nearly everybody: all of it, in order
        for key, times in room.items():
            if key not in heard and (echo or key != own):
                self._reckon(key, 0, times)

    def _unknown(self, key: int, after: int, workers: Set[int]) -> None:
        """Of a sender that nobody has a log of: one of a process that is gone, or nobody."""
        came = after - _size(self._entry["gaps"].get(key, ()))
        if worker_of(key) in workers:
            self.receiver.unexpected += came
        else:
            self.delivered += came

    def _reckon(self, key: int, after: int, times: "array[float]") -> None:
        entry = self._entry
        gaps, count = entry["gaps"].get(key, []), len(times)
        first = bisect_left(times, entry["joined"])  # what it is owed of this sender
        beyond = _size(_within(gaps, count, after))
        self.receiver.unexpected += max(after - count, 0) - beyond
        came = min(after, count) - _size(_within(gaps, 0, count))
        self.delivered += came
        self.early += min(after, first) - _size(_within(gaps, 0, first))
        if not entry["checked"]:
            return
        missing = [*gaps, (after, count)] if self._owes_tail(key) else gaps
        for begin, end in _within(missing, first, count):
            self._explain(key, begin, end, times)

    def _owes_tail(self, key: int) -> bool:
        """Whether messages behind the last that came from `key` are owed."""
        end = self._entry["end"]
        return end != End.LEFT.value or (self._entry["waited"] and key == self._entry["key"])

    def _explain(self, key: int, begin: int, end: int, times: "array[float]") -> None:
        """Why the messages from `begin` up to `end` did not come."""
        if self._entry["end"] == End.CLOSED.value:
            # Nobody is owed what was meant to leave after the end of its connection.
            end = min(end, bisect_left(times, self._entry["ended"]))
        missed: list[Range] = []
        unread = list(self._cuts.get(key, ()))
        for away in (Absence(*parts) for parts in self._entry["away"]):
            left, back = bisect_left(times, away.left), bisect_left(times, away.back)
            missed.append((left, back))
            unread.append((away.heard.get(key, 0), left))
        if self._entry["end"] == End.CLOSED.value:
            unread.append((self._entry["heard"].get(key, 0), end))
        missed_count = _covered(begin, end, missed)
        excused = _covered(begin, end, [*missed, *unread])
        self.missed += missed_count
        self.unread += excused - missed_count
        self.receiver.lost += max(end - begin, 0) - excused


def _cuts(entries: list[Entry], sent: Logs) -> dict[int, list[Range]]:
    """By sender that the server closed: what it had sent then and nobody has received."""
    ends: dict[int, list[float]] = {}
    for entry in entries:
        moments = [left for left, *_ in entry["away"]]
        if entry["end"] == End.CLOSED.value:
            moments.append(entry["ended"])
        if moments and entry["key"] in sent:
            ends[entry["key"]] = moments
    rooms: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries if ends else ():
        rooms[room_of(entry["key"])].append(entry)
    found: dict[int, list[Range]] = {}
    for key, moments in ends.items():
        found[key] = []
        heard = [entry for entry in rooms[room_of(key)] if key in entry["heard"]]
        for moment in moments:
            end = bisect_left(sent[key], moment)
            reached = max(
                (_reached(one["heard"][key], one["gaps"].get(key, []), end) for one in heard),
                default=0,
            )
            if reached < end:
                found[key].append((reached, end))
    return found


def _reached(after: int, gaps: list[Range], end: int) -> int:
    """The number behind the highest one below `end` that has come."""
    reached = min(after, end)
    for begin, gap_end in reversed(gaps):
        if gap_end < reached:
            break
        if begin < reached:
            reached = begin
    return reached


def _within(ranges: Iterable[Range], first: int, last: int) -> Iterator[Range]:
    """What of `ranges` lies in [first, last)."""
    for begin, end in ranges:
        begin, end = max(begin, first), min(end, last)
        if begin < end:
            yield begin, end


def _size(ranges: Iterable[Range]) -> int:
    return sum(end - begin for begin, end in ranges)


def _covered(begin: int, end: int, spans: Iterable[Range]) -> int:
    """How many of [begin, end) lie in any of `spans`."""
    count = 0
    for first, last in sorted(_within(spans, begin, end)):
        count += max(last - max(first, begin), 0)
        begin = max(begin, last)
    return count


def _split(entries: Iterable[Entry]) -> float:
    """See `Audit.split`. A move is a restart as a room sees it: each leaves once and comes back."""
    rooms: dict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for member, entry in enumerate(entries):
        for away in (Absence(*parts) for parts in entry["away"]):
            if away.code in RESTARTS:
                rooms[room_of(entry["key"])].append((away.left, away.back, member))
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
