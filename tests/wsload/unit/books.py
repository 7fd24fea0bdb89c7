"""Accounts and books for tests, as an inbox and a sender make them."""

from array import array
from math import inf

from wsload.account.account import Account, End
from wsload.account.audit import Audit, audit
from wsload.account.ledger import Ledger
from wsload.account.payload import Origin

A, B, C = (Origin(1, 0, 0, member).key for member in range(3))


def account(key: int = A, *, joined: float = 0.0, echo: bool = False) -> Account:
    return Account(f"member-{key & 0xFFFFF}", key, joined=joined, echo=echo, checked=True)


def sender(key: int, times: list[float]) -> Account:
    made = account(key)
    made.sent = array("d", times)
    return made


def receive(receiver: Account, key: int, *sequences: int) -> None:
    """As the inbox does it."""
    for sequence in sequences:
        if receiver.next.get(key) == sequence:
            receiver.next[key] = sequence + 1
        else:
            receiver.place(key, sequence)


def audited(
    *stayed: Account, left: tuple[Account, ...] = (), closed: dict[Account, float] | None = None
) -> Audit:
    """What comes of accounts; `closed`: by the server, and when."""
    ledger = Ledger()
    for one in (*stayed, *left, *(closed or {})):
        ledger.enter(one)
    for one in left:
        ledger.leave(one, inf)
    for one, moment in (closed or {}).items():
        ledger.leave(one, moment, End.CLOSED)
    return audit([ledger.books()])
