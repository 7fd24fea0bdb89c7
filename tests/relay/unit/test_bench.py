"""How the benchmark counts and compares."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import main
from bench.client import NOTES
from bench.comparison import Figures, alternate, lines, number
from bench.ladder import LADDER, NAMES
from bench.latencies import Latencies
from bench.server import cpu_seconds


def test_each_tree_comes_first_in_every_second_pair() -> None:
    """A machine that becomes faster or slower favours neither."""
    order: list[str] = []

    def measure(tree: str) -> Figures:
        order.append(tree)
        return {"run": len(order)}

    pairs = alternate(lambda: measure("this"), lambda: measure("other"), 3)
    assert order == ["other", "this", "this", "other", "other", "this"]
    assert pairs == [({"run": 2}, {"run": 1}), ({"run": 3}, {"run": 4}), ({"run": 6}, {"run": 5})]


def test_ratio_is_of_runs_of_one_pair() -> None:
    """The second pair ran while the machine was twice as slow; the trees differ by a tenth."""
    pairs = [({"CPU s": 0.9}, {"CPU s": 1.0}), ({"CPU s": 1.8}, {"CPU s": 2.0})]
    assert list(lines("light-1k", pairs)) == [
        "| light-1k | CPU s | 1.5 | 1.35 | 0.90 | 0.90 | 0.90 |"
    ]


def test_nothing_is_divided_by_a_figure_that_is_zero() -> None:
    """There is then no ratio to show."""
    assert list(lines("rest", [({"CPU %": 0.5}, {"CPU %": 0.0})])) == [
        "| rest | CPU % | 0 | 0.5 | - | - | - |"
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.12345, "0.123"), (12.345, "12.3"), (99.99, "100"), (1234567.8, "1,234,568")],
)
def test_figures_have_three_digits(value: float, shown: str) -> None:
    """More would be noise, and thousands are told apart."""
    assert number(value) == shown


def test_latencies_are_counted_in_steps_of_10_microseconds() -> None:
    """None reads less than it was; later than half a minute counts as half a minute."""
    latencies = Latencies()
    assert latencies.percentile(0.5) == 0
    latencies.add(np.array([-1, 255, 255, 259], np.int64))
    latencies.add(np.array([99_000_000], np.int64))
    assert latencies.percentile(0.2) == 0.01
    assert latencies.percentile(0.5) == 0.26
    assert latencies.percentile(1) == 30000


def test_message_is_not_taken_for_a_note() -> None:
    """Number 33,024 looked like the beginning of one where the time began with 123 µs."""
    message = b"\x82\x10" + bytes([3, 0, 0, 0, 0, 0x81, 0, 0, 0x7B, 1, 0, 0, 0, 0, 0, 0])
    note = b'\x81\x12\x00{"type":"ack","received":3}'
    assert NOTES.sub(b"", message + note + message + b"}") == message + message + b"}"


def test_cpu_time_is_that_of_the_process() -> None:
    """Of this one, which can tell itself."""
    before, first = time.process_time(), cpu_seconds(os.getpid())
    sum(range(100_000))
    second, after = cpu_seconds(os.getpid()), time.process_time()
    assert before <= first < second <= after


def test_every_row_has_a_name_to_ask_for() -> None:
    """The light ones come first."""
    assert NAMES[:2] == ("light-1k", "light-200")
    assert set(LADDER) < set(NAMES)


def test_other_tree_has_to_be_a_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a run of minutes would end with a traceback."""
    with pytest.raises(SystemExit) as ended:
        main(["--against", str(tmp_path)])
    assert ended.value.code == 2
    assert f"{tmp_path} has no relay/__main__.py: name a checkout" in capsys.readouterr().err
