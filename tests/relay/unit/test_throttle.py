"""Rates: a burst of one second, then no faster than they say."""

from hypothesis import given
from hypothesis import strategies as st

from relay.member.throttle import BURST, Throttle


def test_burst_of_one_second_is_free() -> None:
    """And what is beyond it has to be waited for, at the rate."""
    throttle = Throttle(100, 0, (0.0, 0.0))
    assert throttle.take(100, 10**9, now=50.0) <= 50.0
    assert throttle.take(10, 0, now=50.0) == 50.1


def test_bytes_count_by_themselves() -> None:
    """One large message is as much as many small ones."""
    throttle = Throttle(0, 1000, (0.0, 0.0))
    assert throttle.take(10**6, 1000, now=50.0) <= 50.0
    assert throttle.take(1, 2000, now=50.0) == 52.0


def test_silence_is_not_saved_up() -> None:
    """A client that was silent for an hour has one second of it."""
    throttle = Throttle(100, 0, (0.0, 0.0))
    throttle.take(100, 0, now=50.0)
    assert throttle.take(100, 0, now=3650.0) <= 3650.0
    assert throttle.take(1, 0, now=3650.0) > 3650.0


def test_what_is_due_goes_on_in_another_process() -> None:
    """A handover is no fresh start."""
    throttle = Throttle(100, 1000, (0.0, 0.0))
    throttle.take(300, 10, now=50.0)
    again = Throttle(100, 1000, throttle.due)
    assert again.take(0, 0, now=50.0) == throttle.take(0, 0, now=50.0) == 52.0


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 0.1)), max_size=200),
)
def test_no_client_is_faster_than_its_rate(rate: int, reads: list[tuple[int, float]]) -> None:
    """Over any time, beyond the burst and the last read, when it waits as it is told."""
    throttle, now, total = Throttle(rate, 0, (0.0, 0.0)), 100.0, 0
    for messages, pause in reads:
        now = max(now + pause, throttle.take(messages, 0, now))
        total += messages
        assert total <= rate * (now - 100.0 + BURST) + messages + 1e-6
