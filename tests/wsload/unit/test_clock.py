"""The clock goes on whatever somebody does to the wall clock."""

import pytest

from wsload.client.clock import Clock


def test_a_step_of_the_wall_clock_changes_nothing_and_is_noted() -> None:
    wall, steady = [1000.0], [5.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    assert clock.now() == 1000.0
    steady[0] += 2.0
    wall[0] += 2.0 + 5.0
    assert clock.now() == 1002.0
    assert clock.step == pytest.approx(5.0)


def test_a_host_has_one_offset() -> None:
    """A worker takes over its master's."""
    clock = Clock(lambda: 1000.0, lambda: 5.0)
    clock.offset = 990.0
    assert clock.now() == 995.0
