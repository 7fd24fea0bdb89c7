"""Who was owed what, and what came of it: an `Account` per member, the `Books` of a process.

A member is owed what others in its room intended to send from the moment its handshake completed.
Messages with an earlier intended time are welcome and not owed. Per sender a relay keeps order, so:

- the next number is a delivery; a higher one leaves a gap; a number out of a gap was reordered;
- any other number has been here before: it was repeated.

What is still missing at the end depends on how the member ended. Who stayed is owed everything
that its room sent since it joined, which `audit` counts from the senders' own logs, so that a lost
first or last message counts too. Who left, or was cut off, is owed what lies before the last
message that reached it from each sender: what was on its way at that moment is nobody's loss.
Who was cut off and comes back has one account for all its connections: it is owed everything, and
what others meant to send while it was away is told apart from what it lost.
"""

from array import array
from typing import TypedDict

from wsload.account.payload import ROOM_SHIFT, RUN_SHIFT

Absences = list[tuple[float, float, int]]
"""When a member was away: from the end of a connection, until it was back (infinity: it was not),
and the close code."""


class Books(TypedDict):
    """What one process knows at the end; plain types, so that a worker can send it."""

    sent: dict[int, bytes]  # by room: intended times as float64, in no order
    stayed: list[tuple[str, int, float, int, int, int, int, int, Absences]]
    """name, room, joined, own messages not owed to itself, received, repeated, reordered, belated,
    away"""
    left: list[tuple[str, int, int, int, int, int, int, Absences]]
    """name, room, received, lost, repeated, reordered, belated, away: those with any of it"""
    left_received: int
    sent_count: int
    early: int
    foreign: int
    leaked: int


class Account:
    """What one member has sent and received; the messages of one sender are told by its key."""

    __slots__ = (
        "_before", "_first", "_missing", "away", "belated", "checked", "early", "echo",
        "foreign", "joined", "key", "leaked", "name", "next", "reordered", "repeated", "sent",
    )  # fmt: skip

    def __init__(self, name: str, key: int, *, joined: float, echo: bool, checked: bool) -> None:
        """`joined`: when the handshake completed; `checked` false: is not owed anything."""
        self.name = name
        self.key = key
        self.joined = joined
        self.echo = echo
        self.checked = checked
        self.next: dict[int, int] = {}  # by sender: the sequence number that comes next
        self._before: dict[int, int] = {}  # the same, of senders not heard since it was back
        self._first: dict[int, int] = {}  # by sender, where it is not 0
        self._missing: dict[int, set[int]] = {}
        self.repeated = 0
        self.reordered = 0
        self.early = 0
        self.foreign = 0
        self.leaked = 0
        self.sent: array[float] | None = None  # intended times; none until it sends
        self.away: Absences = []
        self.belated = 0
        """Messages that were meant to leave while it was away, and came nevertheless."""

    def absent(self, left: float, back: float, code: int) -> None:
        """It was cut off with `code` and came back."""
        self.away.append((left, back, code))
        # What a sender meant to send before may still come: until its first later message, none of
        # its messages is the expected one.
        self._before.update(self.next)
        self.next.clear()

    def unexpected(self, key: int, sequence: int, intended: float) -> bool:
        """Account for a message that is not its sender's next one. True if it is a delivery."""
        if key >> ROOM_SHIFT != self.key >> ROOM_SHIFT:
            if key >> RUN_SHIFT == self.key >> RUN_SHIFT:
                self.leaked += 1  # from another room of this run: the relay mixed rooms
            else:
                self.foreign += 1  # from somebody who shares the room: not ours to judge
            return False
        if key == self.key and not self.echo:
            self.repeated += 1  # its own, unasked: a copy that nobody should have got
            return False
        if intended < self.joined:
            self.early += 1
            return True
        table, back = self.next, self.away[-1][1] if self.away else 0.0
        if intended < back and key not in table:
            table = self._before
        elif key in self._before:
            table[key] = self._before.pop(key)
        delivered = self._place(table, key, sequence)
        if intended < back and delivered:
            self.belated += any(left <= intended < back for left, back, _ in self.away)
        return delivered

    def _place(self, table: dict[int, int], key: int, sequence: int) -> bool:
        """Find the place of a message among those of its sender. True if it has not been there."""
        expected = table.get(key)
        if expected is None:
            table[key] = sequence + 1
            if sequence:
                self._first[key] = sequence
            return True
        if sequence >= expected:
            if sequence > expected:
                self._missing.setdefault(key, set()).update(range(expected, sequence))
            table[key] = sequence + 1
            return True
        missing = self._missing.get(key)
        if missing and sequence in missing:
            missing.remove(sequence)
            self.reordered += 1
            return True
        first = self._first.get(key, 0)
        if sequence < first:
            self._missing.setdefault(key, set()).update(range(sequence + 1, first))
            self._first[key] = sequence
            self.reordered += 1
            return True
        self.repeated += 1
        return False

    @property
    def room(self) -> int:
        return self.key >> ROOM_SHIFT & 0xFFFF

    @property
    def gaps(self) -> int:
        """Messages missing before one that came."""
        return sum(map(len, self._missing.values()))

    @property
    def received(self) -> int:
        """Messages that were owed and came, each counted once."""
        heard = sum(self.next.values()) + sum(self._before.values())
        return heard - sum(self._first.values()) - self.gaps

    @property
    def unheard(self) -> int:
        """Own messages that it asked back and that did not come, behind the last that did."""
        own = len(self.sent) if self.sent else 0
        heard = self.next.get(self.key) or self._before.get(self.key, 0)
        return own - heard if self.echo else 0


class Ledger:
    """The accounts of one process."""

    def __init__(self) -> None:
        self._open: dict[int, Account] = {}
        self._sent: dict[int, array[float]] = {}  # by room, of those that left
        self._left: list[tuple[str, int, int, int, int, int, int, Absences]] = []
        self._left_received = 0
        self._early = 0
        self._foreign = 0
        self._leaked = 0

    def enter(self, account: Account) -> None:
        self._open[id(account)] = account

    def leave(self, account: Account, *, waited: bool = False) -> None:
        """Close the account of a member that left or was cut off; closing twice does nothing.
        `waited`: it left only after waiting for its own messages, so those are owed too."""
        if self._open.pop(id(account), None) is None:
            return
        if account.sent:
            self._sent.setdefault(account.room, array("d")).extend(account.sent)
        lost = account.gaps if account.checked else 0
        if waited:
            lost += account.unheard
        received = account.received
        self._left_received += received
        self._early += account.early
        self._foreign += account.foreign
        self._leaked += account.leaked
        if lost or account.repeated or account.reordered or account.away:
            self._left.append(
                (
                    account.name, account.room, received, lost,
                    account.repeated, account.reordered, account.belated, account.away,
                )
            )  # fmt: skip

    def books(self, *, with_sent: bool = True) -> Books:
        """The state of all accounts. Without `sent` where the reader has had it already."""
        sent: dict[int, bytearray] = {}
        stayed, left = [], list(self._left)
        received, early, foreign, leaked = (
            self._left_received, self._early, self._foreign, self._leaked,
        )  # fmt: skip
        sent_count = sum(map(len, self._sent.values()))
        if with_sent:
            sent = {room: bytearray(times.tobytes()) for room, times in self._sent.items()}
        for account in self._open.values():
            own = len(account.sent) if account.sent else 0
            sent_count += own
            if own and account.sent and with_sent:
                sent.setdefault(account.room, bytearray()).extend(account.sent.tobytes())
            early += account.early
            foreign += account.foreign
            leaked += account.leaked
            got, repeated, reordered = account.received, account.repeated, account.reordered
            belated, away = account.belated, account.away
            if account.checked:
                not_owed = 0 if account.echo else own
                row = (account.name, account.room, account.joined, not_owed)
                stayed.append((*row, got, repeated, reordered, belated, away))
            else:
                received += got
                if repeated or reordered:
                    row_of_faults = (account.name, account.room, got, 0, repeated, reordered)
                    left.append((*row_of_faults, belated, away))
        return {
            "sent": {room: bytes(times) for room, times in sent.items()},
            "stayed": stayed,
            "left": left,
            "left_received": received,
            "sent_count": sent_count,
            "early": early,
            "foreign": foreign,
            "leaked": leaked,
        }
