"""The accounts of one process, and what it shows of them at the end: its `Books`."""

from array import array
from collections.abc import Mapping
from math import inf
from typing import TypedDict

from wsload.account.account import Absence, Account, End, Range
from wsload.account.payload import worker_of


class Entry(TypedDict):
    """One member as the audit needs it; plain types, so that a worker can send it."""

    name: str
    key: int
    echo: bool
    joined: float
    ended: float  # when its part in the run ended; infinity: it stayed
    checked: bool  # else it is owed nothing
    end: str  # of `End`
    heard: dict[int, int]
    gaps: dict[int, list[Range]]
    away: list[Absence]
    repeated: int
    reordered: int
    leaked: int
    faults: dict[str, int]
    waited: bool


class Totals(TypedDict):
    """What is counted without regard to who received it."""

    delivered: int  # to members that are in no entry
    foreign: int
    texts: int
    too_short: int


class Books(TypedDict):
    """What one process knows at the end."""

    worker: int
    sent: dict[int, bytes]  # by sender: intended times as float64, ascending
    sent_count: int
    entries: list[Entry]
    totals: Totals


class Ledger:
    """Opens and closes accounts."""

    def __init__(self, worker: int = 0) -> None:
        """`worker`: the number of this process among those of a run."""
        self._worker = worker
        self._open: dict[int, Account] = {}
        self._sent: dict[int, array[float]] = {}  # of those that left
        self._sent_count = 0  # by those that left; keys are used again after a million members
        self._entries: list[Entry] = []
        self._totals: Totals = {"delivered": 0, "foreign": 0, "texts": 0, "too_short": 0}

    def enter(self, account: Account) -> None:
        self._open[id(account)] = account

    def leave(
        self, account: Account, moment: float, end: End = End.LEFT, *, waited: bool = False
    ) -> None:
        """Close the account of a member that left at `moment`; closing twice does nothing.
        `waited`: it left only after waiting for its own messages, so those are owed too."""
        if self._open.pop(id(account), None) is None:
            return
        if account.sent:
            self._sent[account.key] = account.sent
            self._sent_count += len(account.sent)
        _add(self._totals, account)
        entry = _entry(account, moment, end, waited=waited)
        if _is_clean(entry):
            self._totals["delivered"] += account.received  # nothing to find out any more
        else:
            self._entries.append(entry)

    def logs(self) -> dict[int, "array[float]"]:
        """By sender: the intended times of everything that it has sent, ascending. No copies: of a
        long run they are most of the memory."""
        found = dict(self._sent)
        found |= {account.key: account.sent for account in self._open.values() if account.sent}
        return found

    def books(self, *, with_sent: bool = True) -> Books:
        """The state of all accounts. Without `sent` where the reader has had it already."""
        sent_count = self._sent_count
        totals = self._totals.copy()
        entries = list(self._entries)
        for account in self._open.values():
            sent_count += len(account.sent or ())
            _add(totals, account)
            entries.append(_entry(account, inf, End.STAYED, waited=False))
        return {
            "worker": self._worker,
            "sent": {key: log.tobytes() for key, log in self.logs().items()} if with_sent else {},
            "sent_count": sent_count,
            "entries": entries,
            "totals": totals,
        }


def _entry(account: Account, ended: float, end: End, *, waited: bool) -> Entry:
    return {
        "name": account.name,
        "key": account.key,
        "echo": account.echo,
        "joined": account.joined,
        "ended": ended,
        "checked": account.checked,
        "end": end.value,
        "heard": dict(account.next),
        "gaps": {key: list(gaps) for key, gaps in account.gaps.items() if gaps},
        "away": list(account.away),
        "repeated": account.repeated,
        "reordered": account.reordered,
        "leaked": account.leaked,
        "faults": dict(account.faults),
        "waited": waited,
    }


def _is_clean(entry: Entry) -> bool:
    """Whether nothing but a count is left of a member that has gone."""
    worker = worker_of(entry["key"])
    return not (
        entry["end"] == End.CLOSED.value or entry["waited"]
        or entry["gaps"] or entry["away"] or entry["faults"]
        or entry["repeated"] or entry["reordered"] or entry["leaked"]
        # Only the audit knows what another process has sent.
        or any(worker_of(key) != worker for key in entry["heard"])
    )  # fmt: skip


def _add(totals: Totals, account: Account) -> None:
    totals["foreign"] += account.foreign
    totals["texts"] += account.texts
    totals["too_short"] += account.too_short


def unpacked(sent: Mapping[int, bytes]) -> dict[int, "array[float]"]:
    """The senders' logs of some books."""
    found = {}
    for key, times in sent.items():
        found[key] = array("d")
        found[key].frombytes(times)
    return found
