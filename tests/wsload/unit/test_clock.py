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


def test_what_happened_before_a_run_is_not_told_of_it() -> None:
    """A web page of Locust stays up for weeks: each run reads the wall clock again."""
    wall = [1000.0]
    clock = Clock(lambda: wall[0], lambda: 5.0)
    wall[0] += 3600.0
    clock.synchronise()
    assert (clock.now(), clock.step) == (4600.0, 0.0)


def test_a_host_has_one_offset() -> None:
    """A worker takes over its master's."""
    clock = Clock(lambda: 1000.0, lambda: 5.0)
    clock.offset = 990.0
    assert clock.now() == 995.0
