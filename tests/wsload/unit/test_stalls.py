"""Times in which nothing arrived anywhere."""

import pytest

from wsload.account.stalls import Listener, Silence, everywhere


def _listener(*moments: float) -> Listener:
    listener = Listener()
    for moment in moments:
        listener.heard(moment)
    return listener


def test_a_silence_lies_between_two_arrivals() -> None:
    assert _listener(10.0, 10.5, 12.5, 13.0).silences(9.9, 13.1) == [Silence(10.5, 12.5)]


def test_nothing_until_the_end_is_a_silence() -> None:
    assert _listener(10.0).silences(9.5, 12.0) == [Silence(10.0, 12.0)]


def test_nothing_until_the_first_arrival_is_a_silence() -> None:
    """Counted from the first message that was sent, not from earlier arrivals."""
    assert _listener(14.0).silences(10.0, 14.5) == [Silence(10.0, 14.0)]
    assert _listener(5.0, 14.0).silences(10.0, 14.5) == [Silence(10.0, 14.0)]


def test_a_process_in_which_nothing_arrives_hides_no_silence() -> None:
    """A worker without members used to make every stall of the others unseen."""
    silent = _listener().silences(10.0, 20.0)
    assert silent == [Silence(10.0, 20.0)]
    assert everywhere([silent, [Silence(12.0, 14.0)]]) == [Silence(12.0, 14.0)]


def test_what_another_process_heard_ends_a_silence() -> None:
    first, second = [Silence(10.0, 14.0)], [Silence(9.0, 11.5), Silence(12.0, 13.5)]
    assert everywhere([first, second]) == [Silence(10.0, 11.5), Silence(12.0, 13.5)]
    assert everywhere([first, []]) == []
    assert everywhere([first])[0].seconds == pytest.approx(4.0)
