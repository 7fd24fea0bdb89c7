"""The audit against a plain reckoning: who was owed what, and what came of it."""

from math import inf

import pytest

from wsload.account.account import Account
from wsload.account.audit import audit
from wsload.account.ledger import Ledger
from wsload.account.payload import Origin

from .books import A, B, C, account, audited, receive, sender


def test_first_and_last_message_can_be_lost() -> None:
    """No gap shows them, the sender's log does."""
    receiver = account(A)
    receive(receiver, B, 1, 2)
    found = audited(receiver, sender(B, [1.0, 2.0, 3.0, 4.0]))
    assert (found.sent, found.owed, found.delivered, found.lost) == (4, 4, 2, 2)
    assert (found.receivers[0].name, found.receivers[0].lost) == ("member-0", 2)


def test_who_joins_later_is_owed_the_rest_only() -> None:
    """A message from before is welcome."""
    receiver = account(A, joined=2.5)
    receive(receiver, B, 1, 2, 3)
    found = audited(receiver, sender(B, [1.0, 2.0, 3.0, 4.0]))
    assert (found.early, found.delivered, found.owed) == (1, 3, 2)
    assert (found.lost, found.reordered) == (0, 0)


def test_who_leaves_is_owed_what_came_before_its_last_message() -> None:
    """A gap is a loss; what was on its way is not."""
    receiver = account(A)
    receive(receiver, B, 0, 2)
    found = audited(sender(B, [1.0, 2.0, 3.0, 4.0, 5.0]), left=(receiver,))
    assert (found.delivered, found.lost) == (2, 1)


def test_who_waits_for_its_own_message_is_owed_it() -> None:
    ledger = Ledger()
    visitor = sender(A, [1.0])
    visitor.echo = True
    ledger.enter(visitor)
    ledger.leave(visitor, 2.0, waited=True)
    assert audit([ledger.books()]).lost == 1


def test_who_left_has_sent_nonetheless() -> None:
    """Those who stay are owed its messages."""
    receiver = account(A)
    receive(receiver, B, 0)
    found = audited(receiver, left=(sender(B, [1.0, 2.0]),))
    assert (found.sent, found.delivered, found.lost) == (2, 1, 1)


def test_a_key_that_is_used_again_loses_no_count() -> None:
    """Members of `churn` are numbered from 0 again after a million of them."""
    assert audited(left=(sender(A, [1.0]), sender(A, [5.0, 6.0]))).sent == 3


def test_what_a_closed_member_had_not_read_is_unread() -> None:
    """A gap before what it has read is a loss; what came after its close is nothing."""
    receiver = account(A)
    receive(receiver, B, 0, 2)
    found = audited(sender(B, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), closed={receiver: 5.5})
    assert (found.delivered, found.lost, found.unread) == (2, 1, 2)


def test_what_was_on_its_way_from_a_closed_member_is_unread() -> None:
    """Nobody has received it. What somebody has received, the others have lost."""
    first, second = account(A), account(C)
    receive(first, B, 0, 1)
    receive(second, B, 0)
    found = audited(first, second, closed={sender(B, [1.0, 2.0, 3.0]): 3.5})
    assert (found.delivered, found.lost, found.unread) == (3, 1, 2)


def test_who_came_back_missed_what_was_said_meanwhile() -> None:
    """Its account goes on: a copy of what it had before is a copy; what was on its way when it was
    cut off is unread; what fell out later is lost."""
    receiver = account(A)
    receive(receiver, B, 0, 1, 2)
    receiver.absent(4.5, 6.5, 1012)
    receive(receiver, B, 6, 1, 7, 9)
    found = audited(receiver, sender(B, [float(n) for n in range(1, 11)]))
    assert (found.delivered, found.missed, found.unread, found.lost) == (6, 2, 1, 1)
    assert found.repeated == 1


def test_what_came_although_it_was_said_meanwhile_is_delivered() -> None:
    receiver = account(A)
    receiver.absent(3.5, 6.5, 1012)
    receive(receiver, B, 3, 4, 5, 6)
    found = audited(receiver, sender(B, [float(n) for n in range(1, 8)]))
    assert (found.delivered, found.missed, found.unread, found.lost) == (4, 0, 3, 0)


def test_who_is_still_away_missed_everything_since() -> None:
    receiver = account(A)
    receive(receiver, B, 0)
    receiver.absent(2.5, inf, 1012)
    found = audited(receiver, sender(B, [1.0, 2.0, 3.0, 4.0]))
    assert (found.delivered, found.unread, found.missed, found.lost) == (1, 1, 2, 0)


def _mover(member: int, *absences: tuple[float, float, int]) -> Account:
    mover = account(Origin(1, 0, 0, member).key)
    for left, back, code in absences:
        mover.absent(left, back, code)
    return mover


def test_room_is_split_from_the_first_return_to_the_last_leave() -> None:
    """Another room does not matter, nor does who moves alone."""
    movers = [
        _mover(1, (10.0, 10.2, 1012)),
        _mover(2, (11.5, 11.6, 1012)),
        _mover(3, (11.0, 11.1, 1012)),
    ]
    alone = account(Origin(1, 1, 0, 9).key)
    alone.absent(1.0, 2.0, 1012)
    assert audited(*movers, alone).split == pytest.approx(1.3)
    assert audited(left=(*movers, alone)).split == pytest.approx(1.3)
    assert audited(alone).split == 0


def test_moves_of_a_room_are_told_apart() -> None:
    """Who joined later, or was cut off before for a reason of its own, moves with the others."""
    members = [
        _mover(1, (5.0, 5.1, 4001), (100.0, 100.2, 1012), (110.0, 110.1, 1012)),
        _mover(2, (100.5, 100.6, 1012), (110.2, inf, 1012)),
        _mover(3, (300.0, 300.1, 1012)),
    ]
    assert audited(*members).split == pytest.approx(0.3)


def test_own_messages_are_owed_with_echo_only() -> None:
    quiet, loud = sender(A, [1.0]), sender(B, [1.0])
    loud.echo = True
    receive(quiet, B, 0)
    receive(loud, A, 0)
    found = audited(quiet, loud)
    assert (found.delivered, found.lost) == (2, 1)
    assert found.receivers[0].name == "member-1"


def test_own_message_unasked_is_a_copy_too_many() -> None:
    member = sender(A, [1.0])
    receive(member, A, 0)
    assert audited(member).repeated == 1


def test_message_of_another_room_is_a_leak() -> None:
    member = account(A)
    receive(member, Origin(1, 7, 0, 5).key, 0)
    found = audited(member)
    assert (found.leaked, found.delivered, found.lost) == (1, 0, 0)


def test_rooms_owe_nothing_to_each_other() -> None:
    other = account(Origin(1, 1, 0, 9).key)
    found = audited(other, sender(B, [1.0, 2.0]))
    assert (found.sent, found.owed, found.lost) == (2, 0, 0)


def test_a_laggard_is_owed_nothing() -> None:
    laggard = Account("slow", A, joined=0.0, echo=False, checked=False)
    receive(laggard, B, 0, 5)
    found = audited(laggard, sender(B, [float(n) for n in range(9)]))
    assert (found.lost, found.unread, found.delivered) == (0, 0, 2)


def test_books_of_several_processes_are_one() -> None:
    """The receiver is in one, the sender in the other."""
    first, second = Ledger(0), Ledger(1)
    key = Origin(1, 0, 1, 0).key
    receiver = account(A)
    receive(receiver, key, 0)
    first.enter(receiver)
    second.enter(sender(key, [1.0, 2.0]))
    found = audit([first.books(), second.books()])
    assert (found.delivered, found.lost, found.unexpected) == (1, 1, 0)


def test_logs_need_no_copy_in_the_process_that_has_them() -> None:
    """Of a run of a day they are a gigabyte, and two copies of them were made at its end."""
    ledger = Ledger()
    speaker, gone, receiver = sender(A, [1.0, 2.0]), sender(B, [1.0]), account(C)
    receive(receiver, A, 0)
    for one in (speaker, gone, receiver):
        ledger.enter(one)
    ledger.leave(gone, 5.0)
    logs = ledger.logs()
    assert logs[A] is speaker.sent and logs[B] is gone.sent
    assert audit([ledger.books(with_sent=False)], logs) == audit([ledger.books()])


def test_what_another_process_never_sent_is_unexpected() -> None:
    """Beyond the end of its log, or of a member that it does not have; a phantom never makes up
    for a loss."""
    first, second = Ledger(0), Ledger(1)
    key, phantom = Origin(1, 0, 1, 0).key, Origin(1, 0, 1, 9).key
    receiver = account(A)
    receive(receiver, key, 0, 40_000_000)
    receive(receiver, phantom, 0)
    first.enter(receiver)
    second.enter(sender(key, [1.0, 2.0, 3.0]))
    found = audit([first.books(), second.books()])
    assert (found.delivered, found.lost, found.unexpected) == (1, 2, 2)


def test_what_a_process_that_is_gone_has_sent_is_no_fault() -> None:
    ledger = Ledger(0)
    receiver = account(A)
    receive(receiver, Origin(1, 0, 1, 0).key, 0, 1)
    ledger.enter(receiver)
    found = audit([ledger.books()])
    assert (found.delivered, found.unexpected) == (2, 0)


def test_a_number_far_ahead_costs_no_memory() -> None:
    """One flipped bit used to make a set of forty million numbers."""
    receiver = account(A)
    receive(receiver, B, 0, 40_000_000)
    assert receiver.gaps == {B: [(1, 40_000_000)]}
    assert receiver.received == 2
