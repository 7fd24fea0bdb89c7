"""The audit against a plain reckoning, for any mixture of faults."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from wsload.account.audit import audit
from wsload.account.ledger import Ledger
from wsload.account.payload import Origin

from .books import A, B, C, account, audited, receive, sender


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), joined=st.integers(0, 20))
def test_any_mixture_of_faults_is_counted_exactly(seed: int, count: int, joined: int) -> None:
    """Two senders; some messages lost, some twice, some out of order; the receiver may be late."""
    random = Random(seed)
    receiver = account(A, joined=float(joined))
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
                repeated += 1
    for index in range(len(line) - 1):
        if random.random() < 0.1:
            line[index], line[index + 1] = line[index + 1], line[index]
    seen: set[tuple[int, int]] = set()
    highest: dict[int, int] = {}
    reordered = 0
    for key, sequence in line:
        receive(receiver, key, sequence)
        if (key, sequence) not in seen:
            reordered += sequence < highest.get(key, -1)
            highest[key] = max(highest.get(key, -1), sequence)
        seen.add((key, sequence))
    times = [float(sequence) for sequence in range(count)]
    found = audited(receiver, left=(sender(B, times), sender(C, times)))
    assert found.lost == lost
    assert found.repeated == repeated
    assert found.reordered == reordered
    assert found.delivered == len(seen)
    assert found.early == sum(sequence < joined for _, sequence in seen)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    absences=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 10)), max_size=3),
)
def test_every_missing_message_has_one_reason(seed: int, absences: list[tuple[int, int]]) -> None:
    """Missed, unread or lost, through any number of absences, whatever comes late or twice."""
    random = Random(seed)
    receiver, count = account(A), 60
    came: set[tuple[int, int]] = set()
    reasons: dict[tuple[int, int], str] = {}
    everything = [(key, sequence) for sequence in range(count) for key in (B, C)]
    moment = 0
    for stay, away in absences:
        left, back = moment + stay, moment + stay + away
        for key, sequence in everything:
            if moment <= sequence < left and random.random() < 0.8:
                receive(receiver, key, sequence)
                came.add((key, sequence))
        highest = {key: max((s for k, s in came if k == key), default=-1) for key in (B, C)}
        for key, sequence in everything:
            if left <= sequence < back:
                reasons[key, sequence] = "missed"
            elif highest[key] < sequence < left:
                reasons.setdefault((key, sequence), "unread")
        receiver.absent(float(left), float(back), 1012)
        moment = back
    for key, sequence in everything:
        if sequence >= moment and random.random() < 0.8:
            receive(receiver, key, sequence)
            came.add((key, sequence))
    times = [float(sequence) for sequence in range(count)]
    found = audited(receiver, left=(sender(B, times), sender(C, times)))
    wanting = [reasons.get(message, "lost") for message in everything if message not in came]
    assert found.missed == wanting.count("missed")
    assert found.unread == wanting.count("unread")
    assert found.lost == wanting.count("lost")
    assert found.delivered == len(came)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32), processes=st.integers(1, 3))
def test_phantoms_never_make_up_for_losses(seed: int, processes: int) -> None:
    """As many invented messages as lost ones, of senders that exist and of some that do not."""
    random = Random(seed)
    ledgers = [Ledger(worker) for worker in range(processes)]
    keys = [Origin(1, 0, worker, 1).key for worker in range(processes)]
    receiver = account(A)
    ledgers[0].enter(receiver)
    lost = 0
    for ledger, key in zip(ledgers, keys, strict=True):
        ledger.enter(sender(key, [1.0] * 20))
        for sequence in range(20):
            if random.random() < 0.2:
                lost += 1
            else:
                receive(receiver, key, sequence)
    phantoms = [*keys, *(Origin(1, 0, worker, 9).key for worker in range(processes))]
    for number in range(lost):
        receive(receiver, random.choice(phantoms), 1000 + number)
    found = audit([ledger.books() for ledger in ledgers])
    # Those that send are owed each other's, and nobody delivers to them.
    assert found.unexpected == lost
    assert next((r.lost for r in found.receivers if r.name == receiver.name), 0) == lost
