"""One order over all senders: found wherever two receivers cannot both be right."""

from itertools import permutations
from random import Random

import msgpack  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from wsload.account.order import Order, disagreements, number_of
from wsload.account.payload import MEMBERS, ROOMS, RUNS, WORKERS, Origin


def _order(**seen: list[int]) -> Order:
    order = Order()
    for receiver, messages in seen.items():
        for message in messages:
            order.saw(receiver, message)
    return order


def test_one_order_has_no_knots() -> None:
    assert disagreements(_order(a=[1, 2, 3, 4], b=[1, 2, 3, 4]).steps()) == []


def test_missing_messages_are_no_disagreement() -> None:
    assert disagreements(_order(a=[1, 3, 4], b=[1, 2, 4], c=[2, 3]).steps()) == []


def test_two_receivers_that_saw_two_messages_in_different_order() -> None:
    ((one, other, messages),) = disagreements(_order(a=[1, 2, 3], b=[1, 3, 2]).steps())
    assert ({one, other}, messages) == ({"a", "b"}, 2)


def test_three_receivers_can_disagree_without_any_two() -> None:
    """Each pair of messages is seen in one order only, and no order of all three agrees."""
    assert len(disagreements(_order(a=[1, 2], b=[2, 3], c=[3, 1]).steps())) == 1


def test_steps_can_be_sent_by_a_worker() -> None:
    """Locust's messages carry numbers of 64 bits; a message is one of 96."""
    key = Origin(RUNS - 1, ROOMS - 1, WORKERS - 1, MEMBERS - 1).key
    order = _order(a=[number_of(key, 1), number_of(key, 2)])
    steps = [tuple(step) for step in msgpack.loads(msgpack.dumps(order.steps()))]
    assert steps == order.steps() == [(key, 1, key, 2, "a")]


def test_a_copy_is_no_disagreement() -> None:
    assert disagreements(_order(a=[1, 2, 1]).steps()) == []


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32), receivers=st.integers(1, 4), count=st.integers(1, 5))
def test_knots_are_found_exactly_where_no_order_agrees(
    seed: int, receivers: int, count: int
) -> None:
    """Against all orders that there are."""
    random = Random(seed)
    seen = {}
    for receiver in range(receivers):
        line = [message for message in range(count) if random.random() < 0.8]
        if random.random() < 0.5 and len(line) > 1:
            place = random.randrange(len(line) - 1)
            line[place], line[place + 1] = line[place + 1], line[place]
        seen[f"r{receiver}"] = line
    agrees = any(
        all([message for message in order if message in line] == line for line in seen.values())
        for order in permutations(range(count))
    )
    assert agrees == (disagreements(_order(**seen).steps()) == [])
