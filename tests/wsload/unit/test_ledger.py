"""The ledger against a plain reckoning: who was owed what, and what came of it."""

from array import array
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsload.account.audit import Audit, audit
from wsload.account.ledger import Account, Ledger
from wsload.account.payload import Address

A, B, C = (Address(1, 0, 0, member).key for member in range(3))


def _account(key: int = A, *, joined: float = 0.0, echo: bool = False) -> Account:
    return Account(f"member-{key & 0xFFFFF}", key, joined=joined, echo=echo, checked=True)


def _receive(account: Account, key: int, sequence: int, intended: float) -> None:
    """As the inbox does it."""
    if account.next.get(key) == sequence:
        account.next[key] = sequence + 1
    else:
        account.unexpected(key, sequence, intended)


def _audit(*accounts: Account, left: tuple[Account, ...] = ()) -> Audit:
    ledger = Ledger()
    for account in (*accounts, *left):
        ledger.enter(account)
    for account in left:
        ledger.leave(account)
    return audit([ledger.books()])


def _sender(key: int, times: list[float]) -> Account:
    account = _account(key)
    account.sent = array("d", times)
    return account


def test_first_and_last_message_can_be_lost() -> None:
    """No gap shows them, the sender's log does."""
    receiver, sender = _account(A), _sender(B, [1.0, 2.0, 3.0, 4.0])
    _receive(receiver, B, 1, 2.0)
    _receive(receiver, B, 2, 3.0)
    found = _audit(receiver, sender)
    assert (found.sent, found.delivered, found.lost) == (4, 2, 2)
    assert found.receivers[0].name == "member-0"
    assert found.receivers[0].lost == 2


def test_who_joins_later_is_owed_the_rest_only() -> None:
    """A message from before is welcome."""
    receiver, sender = _account(A, joined=2.5), _sender(B, [1.0, 2.0, 3.0, 4.0])
    for sequence in (1, 2, 3):
        _receive(receiver, B, sequence, sequence + 1.0)
    found = _audit(receiver, sender)
    assert (found.early, found.delivered, found.lost, found.reordered) == (1, 2, 0, 0)


def test_who_leaves_is_owed_what_came_before_its_last_message() -> None:
    """A gap is a loss; what was on its way is not."""
    receiver, sender = _account(A), _sender(B, [1.0, 2.0, 3.0, 4.0, 5.0])
    _receive(receiver, B, 0, 1.0)
    _receive(receiver, B, 2, 3.0)
    found = _audit(sender, left=(receiver,))
    assert (found.delivered, found.lost) == (2, 1)


def test_who_waits_for_its_own_message_is_owed_it() -> None:
    ledger = Ledger()
    visitor = _account(A, echo=True)
    visitor.sent = array("d", [1.0])
    ledger.enter(visitor)
    ledger.leave(visitor, waited=True)
    assert audit([ledger.books()]).lost == 1


def test_who_left_has_sent_nonetheless() -> None:
    """Those who stay are owed its messages."""
    receiver, sender = _account(A), _sender(B, [1.0, 2.0])
    _receive(receiver, B, 0, 1.0)
    found = _audit(receiver, left=(sender,))
    assert (found.sent, found.delivered, found.lost) == (2, 1, 1)


def test_who_came_back_missed_what_was_said_meanwhile_and_lost_the_rest() -> None:
    """Its account goes on: a copy of what it had before is a copy."""
    receiver, sender = _account(A), _sender(B, [float(n) for n in range(1, 11)])
    for sequence in (0, 1, 2):
        _receive(receiver, B, sequence, sequence + 1.0)
    receiver.absent(4.5, 6.5, 1012)  # the fourth was lost, two were said meanwhile
    for sequence in (6, 1, 7, 9):
        _receive(receiver, B, sequence, sequence + 1.0)
    found = _audit(receiver, sender)
    assert (found.delivered, found.missed, found.lost, found.repeated) == (6, 2, 2, 1)
    assert _audit(sender, left=(receiver,)).lost == found.lost


def test_what_came_although_it_was_said_meanwhile_excuses_no_loss() -> None:
    """Three were lost before, three were meant to leave while it was away and came all the same."""
    receiver, sender = _account(A), _sender(B, [float(n) for n in range(1, 8)])
    receiver.absent(3.5, 6.5, 1012)
    for sequence in (3, 4, 5, 6):
        _receive(receiver, B, sequence, sequence + 1.0)
    found = _audit(receiver, sender)
    assert (found.delivered, found.missed, found.lost) == (4, 0, 3)


def test_who_is_still_away_missed_everything_since() -> None:
    receiver, sender = _account(A), _sender(B, [1.0, 2.0, 3.0, 4.0])
    _receive(receiver, B, 0, 1.0)
    receiver.absent(2.5, inf, 1012)
    found = _audit(receiver, sender)
    assert (found.delivered, found.missed, found.lost) == (1, 2, 1)


def _mover(member: int, *absences: tuple[float, float, int]) -> Account:
    account = _account(Address(1, 0, 0, member).key)
    for left, back, code in absences:
        account.absent(left, back, code)
    return account


def test_room_is_split_from_the_first_return_to_the_last_leave() -> None:
    """Another room does not matter, nor does who moves alone."""
    movers = [
        _mover(1, (10.0, 10.2, 1012)),
        _mover(2, (11.5, 11.6, 1012)),
        _mover(3, (11.0, 11.1, 1012)),
    ]
    alone = _account(Address(1, 1, 0, 9).key)
    alone.absent(1.0, 2.0, 1012)
    assert _audit(*movers, alone).split == pytest.approx(1.3)
    assert _audit(left=(*movers, alone)).split == pytest.approx(1.3)
    assert _audit(alone).split == 0


def test_moves_of_a_room_are_told_apart() -> None:
    """Who joined later, or was cut off before for a reason of its own, moves with the others."""
    members = [
        _mover(1, (5.0, 5.1, 4001), (100.0, 100.2, 1012), (110.0, 110.1, 1012)),
        _mover(2, (100.5, 100.6, 1012), (110.2, inf, 1012)),
        _mover(3, (300.0, 300.1, 1012)),
    ]
    assert _audit(*members).split == pytest.approx(0.3)


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), left=st.integers(0, 30), away=st.integers(0, 20))
def test_missed_and_lost_are_told_apart_exactly(seed: int, left: int, away: int) -> None:
    """Whatever was lost, came twice, or came late: from before an absence, or from within it."""
    random = Random(seed)
    receiver, back, count = _account(A), left + away, 50
    came: set[tuple[int, int]] = set()
    repeated = 0

    def deliver(key: int, sequence: int) -> None:
        nonlocal repeated
        repeated += (key, sequence) in came
        came.add((key, sequence))
        _receive(receiver, key, sequence, float(sequence))

    everything = [(key, sequence) for sequence in range(count) for key in (B, C)]
    for key, sequence in everything:
        if sequence < left and random.random() < 0.8:
            deliver(key, sequence)
    receiver.absent(float(left), float(back), 1012)
    for key, sequence in everything:
        if random.random() < (0.8 if sequence >= back else 0.2):
            deliver(key, sequence)
    times = [float(sequence) for sequence in range(count)]
    found = _audit(receiver, left=(_sender(B, times), _sender(C, times)))
    wanting = [sequence for key, sequence in everything if (key, sequence) not in came]
    assert found.missed == sum(left <= sequence < back for sequence in wanting)
    assert found.lost == len(wanting) - found.missed
    assert (found.delivered, found.repeated) == (len(came), repeated)


def test_own_messages_are_owed_with_echo_only() -> None:
    quiet, loud = _sender(A, [1.0]), _sender(B, [1.0])
    loud.echo = True
    _receive(quiet, B, 0, 1.0)
    _receive(loud, A, 0, 1.0)
    found = _audit(quiet, loud)
    assert (found.delivered, found.lost) == (2, 1)
    assert found.receivers[0].name == "member-1"


def test_own_message_unasked_is_a_copy_too_many() -> None:
    member = _sender(A, [1.0])
    _receive(member, A, 0, 1.0)
    assert _audit(member).repeated == 1


def test_messages_of_other_rooms_and_other_runs() -> None:
    """The relay's fault in the first case, nobody's in the second."""
    member = _account(A)
    _receive(member, Address(1, 7, 0, 5).key, 0, 1.0)
    _receive(member, Address(2, 0, 0, 5).key, 0, 1.0)
    found = _audit(member)
    assert (found.leaked, found.foreign, found.delivered, found.lost) == (1, 1, 0, 0)


def test_rooms_owe_nothing_to_each_other() -> None:
    other = _account(Address(1, 1, 0, 9).key)
    found = _audit(other, _sender(B, [1.0, 2.0]))
    assert (found.sent, found.lost) == (2, 0)


def test_a_laggard_is_owed_nothing() -> None:
    laggard = Account("slow", A, joined=0.0, echo=False, checked=False)
    _receive(laggard, B, 0, 1.0)
    _receive(laggard, B, 5, 6.0)
    found = _audit(laggard, _sender(B, [float(n) for n in range(9)]))
    assert (found.lost, found.delivered) == (0, 2)


def test_books_of_several_processes_are_one() -> None:
    """The receiver is in one, the sender in the other."""
    first, second = Ledger(), Ledger()
    receiver, sender = _account(A), _sender(B, [1.0, 2.0])
    _receive(receiver, B, 0, 1.0)
    first.enter(receiver)
    second.enter(sender)
    found = audit([first.books(), second.books()])
    assert (found.delivered, found.lost) == (1, 1)


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), joined=st.integers(0, 20))
def test_any_mixture_of_faults_is_counted_exactly(seed: int, count: int, joined: int) -> None:
    """Two senders; some messages lost, some twice, some out of order; the receiver may be late."""
    random = Random(seed)
    receiver = _account(A, joined=float(joined))
    line: list[tuple[int, int]] = []
    lost = repeated = 0
    for key in (B, C):
        for sequence in range(count):
            if random.random() < 0.1:
                lost += sequence >= joined
                continue
            line.append((key, sequence))
            if random.random() < 0.1:
                line.append((key, sequence))
                repeated += sequence >= joined
    for index in range(len(line) - 1):
        if random.random() < 0.1:
            line[index], line[index + 1] = line[index + 1], line[index]
    seen: set[tuple[int, int]] = set()
    highest: dict[int, int] = {}
    reordered = 0
    for key, sequence in line:
        _receive(receiver, key, sequence, float(sequence))
        if sequence >= joined and (key, sequence) not in seen:
            reordered += sequence < highest.get(key, -1)
            highest[key] = max(highest.get(key, -1), sequence)
        seen.add((key, sequence))
    times = [float(sequence) for sequence in range(count)]
    found = _audit(receiver, left=(_sender(B, times), _sender(C, times)))
    assert found.lost == lost
    assert found.repeated == repeated
    assert found.reordered == reordered
    assert found.delivered == sum(sequence >= joined for _, sequence in seen)
