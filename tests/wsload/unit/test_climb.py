"""The climb finds the highest rate that holds, and finds it again."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsload.run.climb import Climb
from wsload.run.recorder import Recorder
from wsload.run.series import Series

from .test_options import options_of


def _climb(
    knee: float, *arguments: str, bad_seconds: frozenset[int] = frozenset(), cpu_limit: float = inf
) -> Climb:
    """Against a server that carries `knee` messages a second, and a bad one in some seconds."""
    options = options_of("--rate", "100", "--rate-max", "10000", "--rate-step", "3", *arguments)
    climb = Climb(options, {"p99": 50.0}, 1000.0)
    series, recorder, rate = Series(), Recorder(), 100.0
    counters = recorder.counters("steady")
    for second in range(1000, 3000):
        counters.sent[0] += int(min(rate, cpu_limit))
        fast = rate <= knee and second not in bad_seconds
        counters.received[20 if fast else 2000] += int(rate)
        series.add(recorder.take(second))
        series.note(second, "alone", connections=2, cpu=99.0 if rate > cpu_limit else 10.0)
        rate = climb.look(series, second + 1) or rate
        if climb.finished:
            return climb
    raise AssertionError("the climb does not end")


@settings(max_examples=60)
@given(st.floats(110, 9000))
def test_the_knee_is_found_to_five_percent(knee: float) -> None:
    assert knee / 1.051 <= _climb(knee).highest <= knee


@settings(max_examples=40)
@given(st.floats(200, 9000), st.frozensets(st.integers(1003, 1060), max_size=1))
def test_the_knee_is_found_again_through_a_bad_second(knee: float, bad: frozenset[int]) -> None:
    """Within 10 %, because a step that fails is tried once more."""
    first, second = _climb(knee), _climb(knee, bad_seconds=bad)
    assert second.highest == pytest.approx(first.highest, rel=0.1)


def test_the_top_holds() -> None:
    climb = _climb(inf, "--rate-factor", "2")
    assert climb.highest == 10_000
    assert [step.rate for step in climb.steps] == [100, 200, 400, 800, 1600, 3200, 6400, 10_000]
    assert climb.lowest_failed == 0


def test_a_climb_is_answered_when_only_queues_have_to_empty() -> None:
    options = options_of("--rate", "100", "--rate-max", "1000", "--rate-step", "3")
    climb = Climb(options, {"p99": 50.0}, 1000.0)
    series, recorder, answered = Series(), Recorder(), []
    for second in range(1000, 1100):
        recorder.counters("steady").sent[0] += 100
        recorder.counters("steady").received[2000] += 100
        series.add(recorder.take(second))
        climb.look(series, second + 1)
        answered.append(climb.is_answered)
        if climb.finished:
            break
    assert answered[:6] == [False] * 6
    assert answered.index(True) < len(answered) - 1
    assert climb.highest == 0


def test_not_even_the_first_rate() -> None:
    climb = _climb(50)
    assert climb.highest == 0
    assert [step.rate for step in climb.steps] == [100, 100]
    assert climb.steps[-1].shortfall == "p99 latency 200.1 ms is over 50 ms"


def test_the_generator_can_be_the_limit() -> None:
    climb = _climb(inf, cpu_limit=500)
    assert climb.limited
    assert climb.steps[-1].shortfall == "the generator was the limit (99 % of a core)"
    assert climb.highest == pytest.approx(477, abs=1)


@pytest.mark.parametrize(
    ("late", "sentence"),
    [(0, "the server read only 450 msg/s of its senders"),
     (45, "the generator was the limit (10 % left late)")],
    ids=["blocked", "late"],
)  # fmt: skip
def test_what_was_not_sent_in_time_is_the_servers_or_the_generators(
    late: int, sentence: str
) -> None:
    """Time in which the server does not read makes no message late."""
    options = options_of("--rate", "500", "--rate-max", "10000", "--rate-step", "3")
    climb, series, recorder = Climb(options, {"p99": 50.0}, 1000.0), Series(), Recorder()
    for second in range(1000, 1005):
        recorder.counters("steady").sent[0] += 450
        recorder.counters("steady").late += late
        recorder.counters("steady").received[20] += 450
        series.add(recorder.take(second))
        climb.look(series, second + 1)
    assert climb.steps[0].shortfall == sentence
    assert climb.steps[0].limited is bool(late)


def test_a_generator_that_is_late_can_be_the_limit() -> None:
    """Its own slow messages used to be the server's, and the rate before them the answer."""
    options = options_of("--rate", "100", "--rate-max", "10000", "--rate-step", "3")
    climb = Climb(options, {"p99": 50.0}, 1000.0)
    series, recorder, rate = Series(), Recorder(), 100.0
    counters = recorder.counters("steady")
    for second in range(1000, 2000):
        late = int(rate / 2) if rate > 500 else 0
        counters.sent[0] += int(rate)
        counters.late += late
        counters.received[20] += int(rate) - late
        if late:
            counters.received[2000] += late
            counters.tardy[2000] += late
        series.add(recorder.take(second))
        series.note(second, "alone", connections=2, cpu=20.0)
        rate = climb.look(series, second + 1) or rate
        if climb.finished:
            break
    assert climb.limited
    assert [step.shortfall for step in climb.steps[-2:]] == [
        "the generator was the limit (50 % left late)"
    ] * 2
    assert climb.highest == pytest.approx(477, abs=1)


@pytest.mark.parametrize("limit", [50.0, 5000.0], ids=["by-latency", "by-deliveries"])
def test_a_queue_has_emptied_before_the_next_rate_and_the_end(limit: float) -> None:
    """A server that queues what is above 300 a second: no step begins, or ends, with a queue."""
    options = options_of("--rate", "100", "--rate-max", "1000", "--rate-step", "3")
    climb = Climb(options, {"p99": limit}, 1000.0)
    series, recorder, rate, queue = Series(), Recorder(), 100.0, 0.0
    counters = recorder.counters("steady")
    begun_with: list[float] = []
    for second in range(1000, 2000):
        counters.sent[0] += int(rate)
        queue += rate
        served = min(queue, 300.0)
        queue -= served
        counters.received[20 + int(10_000 * queue / 300)] += int(served)
        series.add(recorder.take(second))
        series.note(second, "alone", connections=2, cpu=10.0)
        steps = len(climb.steps)
        following = climb.look(series, second + 1)
        if following is not None and len(climb.steps) == steps:
            begun_with.append(queue)  # behind a rest
        rate = following or rate
        if climb.finished:
            break
    assert climb.finished
    assert climb.highest == pytest.approx(300, rel=0.1)
    assert begun_with
    assert max(queue, *begun_with) * 1000 / 300 < limit
