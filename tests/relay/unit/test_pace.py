"""A message has to come on."""

from relay.member.pace import LEAST, WINDOW, Pace


def test_message_that_does_not_come_on_is_noticed() -> None:
    """However many bytes of it are there already."""
    pace = Pace(0.0, 0, 880_000)
    assert pace.is_met(WINDOW - 1, 0, 880_000)
    assert not pace.is_met(WINDOW, 0, 880_000 + LEAST - 1)


def test_message_that_comes_slowly_may_end() -> None:
    """So many bytes in each window are enough."""
    pace = Pace(0.0, 0, 0)
    for window in range(1, 300):
        assert pace.is_met(window * (WINDOW - 1), 0, window * LEAST)


def test_each_message_has_its_own_time() -> None:
    """A client that always has one under way is no slow one."""
    pace = Pace(0.0, 0, 100)
    for number in range(1, 100):
        assert pace.is_met(number * (WINDOW - 1), number, 100)
