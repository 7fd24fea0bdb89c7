"""What makes a run invalid, incomplete or short, from the numbers alone."""

from collections import Counter
from typing import Any

from wsload.account.audit import Audit
from wsload.report.result import Outcome, result_of
from wsload.report.table import render
from wsload.run.recorder import Recorder
from wsload.run.requirements import ALWAYS

from .test_options import _options


def _outcome(*arguments: str, late: int = 0, cpu: float = 20.0, **changes: Any) -> Outcome:
    """Ten seconds in which 100 messages a second took 2 ms."""
    options = _options(*arguments)
    outcome = Outcome(
        options, {**ALWAYS}, "ws://relay", ["broadcast"], options.public(),
        audit=Audit(sent=1000, delivered=1000), begun=100.0, ended=110.0, users=2,
        **changes,
    )  # fmt: skip
    recorder = Recorder()
    counters = recorder.counters("broadcast")
    for second in range(100, 110):
        counters.received[20] += 100
        counters.sent[0] += 100
        counters.received_bytes += 100_000
        counters.late += late
        outcome.series.add(recorder.take(second))
        outcome.series.note(second, "alone", connections=2, cpu=cpu)
    outcome.sending_ended()
    return outcome


def test_a_clean_run_passes() -> None:
    result = result_of(_outcome())
    assert result["passed"]
    assert result["metrics"]["throughput"] == 100
    assert result["metrics"]["bandwidth"] == 0.8
    assert result["metrics"]["p99"] == 2.1
    assert [row["t"] for row in result["seconds"]] == list(range(1, 11))
    assert "PASSED  lost 0" in render(result)


def test_throughput_is_not_flattered_by_what_comes_later() -> None:
    """A relay that delivers everything in the settle time was not that fast."""
    outcome = _outcome()
    recorder = Recorder()
    recorder.counters("broadcast").received[50_000] += 100_000
    outcome.series.add(recorder.take(111))
    assert result_of(outcome)["metrics"]["throughput"] == 100


def test_a_busy_generator_makes_a_run_invalid() -> None:
    result = result_of(_outcome(cpu=97.0))
    assert not result["passed"]
    assert result["invalid"][0].startswith("the load generator used 97 % of a core, over 90 %")
    assert "INVALID  the load generator used 97 %" in render(result)


def test_late_sends_make_a_run_invalid() -> None:
    """More than one in a hundred."""
    assert result_of(_outcome(late=1))["invalid"] == []
    sentence = result_of(_outcome(late=2))["invalid"][0]
    assert sentence.startswith("20 of 1,000 messages left later than a tenth of their interval")


def test_one_busy_second_of_ten_does_not() -> None:
    outcome = _outcome()
    outcome.series.note(104, "alone", connections=2, cpu=100.0)
    assert result_of(outcome)["invalid"] == []


def test_latencies_across_hosts_are_marked_unless_clocks_agree() -> None:
    hosts = {"here", "there"}
    note = result_of(_outcome(hosts=hosts))["notes"][0]
    assert note.startswith("latencies across 2 hosts include the difference of their clocks")
    assert result_of(_outcome("--clocks-agree", hosts=hosts))["notes"] == []


def test_messages_that_come_before_they_are_sent_are_marked() -> None:
    outcome = _outcome()
    recorder = Recorder()
    recorder.counters("broadcast").received[-300] += 7
    outcome.series.add(recorder.take(105))
    assert result_of(outcome)["notes"][0].startswith("7 messages came before they were sent")


def test_refusals_are_told_by_cause_the_most_frequent_first() -> None:
    failed = Counter({"no": 1, "never": 1200})
    result = result_of(_outcome(failed=failed))
    assert result["incomplete"] == ["never (1,200 connections)", "no (1 connection)"]
    assert result["metrics"]["refused"] == 1201


def test_members_that_come_back_from_an_overload_are_no_fault_either() -> None:
    """A climb ends beyond what holds, and whom the relay then cuts off is the price."""
    outcome = _outcome("--reconnect", "--rate", "100", "--rate-max", "200")
    outcome.scenarios, outcome.limits = ["steady"], {**ALWAYS, "p50": 0.1}
    outcome.audit = Audit(sent=1000, delivered=900, lost=100)
    assert result_of(outcome)["shortfalls"] != []
    outcome.returned = Counter({"4001 too slow": 2})
    assert result_of(outcome)["shortfalls"] == []


def test_nobody_cut_off_meets_what_is_required_of_returns() -> None:
    outcome = _outcome("--reconnect")
    outcome.limits |= {"missed": 0.0, "split": 0.0, "returned": 0.0}
    assert result_of(outcome)["passed"]


def test_a_run_that_never_began_says_so() -> None:
    outcome = _outcome()
    outcome.begun = 0.0
    assert "run longer, spawn faster" in result_of(outcome)["incomplete"][0]
