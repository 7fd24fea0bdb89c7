"""Results from the numbers alone: metrics, notes, and what the verdict is made from."""

from collections import Counter
from typing import Any

import pytest

from wsload.account.audit import Audit
from wsload.account.order import Disagreement
from wsload.account.stalls import Silence
from wsload.client.closes import Close, Side
from wsload.client.failures import refusal
from wsload.report.outcome import Outcome
from wsload.report.result import result_of
from wsload.report.table import render
from wsload.run.climb import Climb
from wsload.run.recorder import Recorder
from wsload.run.requirements import ALWAYS

from .test_options import options_of


def _outcome(*arguments: str, late: int = 0, cpu: float = 20.0, **changes: Any) -> Outcome:
    """Ten seconds in which 100 messages a second took 2 ms."""
    options = options_of(*arguments)
    known: dict[str, Any] = {
        "audit": Audit(sent=1000, delivered=1000),
        "users": Counter(broadcast=2),
    }
    outcome = Outcome(
        options, {**ALWAYS}, "ws://relay", ["broadcast"], options.public(),
        begun=100.0, ended=110.0, **(known | changes),
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
    assert (result["verdict"], result["exit_code"], result["passed"]) == ("PASSED", 0, True)
    assert result["metrics"]["throughput"] == 100
    assert result["metrics"]["bandwidth"] == 0.8
    assert result["metrics"]["p99"] == 2.1
    assert [row["t"] for row in result["seconds"]] == list(range(1, 11))
    assert "PASSED  all limits met: lost 0" in render(result)
    assert sum(count for _, _, count in result["heat"]["cells"]) == 1000


def test_throughput_is_not_flattered_by_what_comes_later() -> None:
    """A server that delivers everything in the settle time was not that fast."""
    outcome = _outcome()
    recorder = Recorder()
    recorder.counters("broadcast").received[50_000] += 100_000
    outcome.series.add(recorder.take(111))
    assert result_of(outcome)["metrics"]["throughput"] == 100


def test_throughput_is_counted_from_the_begin() -> None:
    """A chat goes on while others join: what it says then belongs to no time that is counted."""
    outcome = _outcome()
    recorder = Recorder()
    recorder.counters("chat").received[20] += 100_000
    recorder.counters("chat").received_bytes += 1_000_000
    outcome.series.add(recorder.take(95))
    outcome.sending_ended()
    metrics = result_of(outcome)["metrics"]
    assert (metrics["throughput"], metrics["bandwidth"]) == (100, 0.8)


def test_a_run_in_which_not_everybody_joined_has_no_course() -> None:
    """Its seconds have no begin to be counted from, and it does not say that nothing was sent."""
    outcome = _outcome()
    outcome.begun = 0.0
    result = result_of(outcome)
    assert (result["verdict"], result["seconds"], result["heat"]["cells"]) == ("INCOMPLETE", [], [])
    assert result["remarks"][0][1].startswith("the run ended before everybody had joined;")


def test_a_long_run_has_no_row_for_each_second() -> None:
    """A result of a day would be a page that no browser draws."""
    outcome = _outcome()
    outcome.ended = 100.0 + 86_400
    recorder = Recorder()
    for second in range(110, 100 + 86_400):
        recorder.counters("broadcast").received[20] += 100
        recorder.counters("broadcast").sent[0] += 100
        outcome.series.add(recorder.take(second))
    outcome.loop_delays = {100 + 599: 7.0, 100 + 600: 1.0}
    result = result_of(outcome)
    assert (result["span"], len(result["seconds"])) == (300, 288)
    assert [row["t"] for row in result["seconds"][:3]] == [300, 600, 900]
    assert {row["received"] for row in result["seconds"]} == {100}
    assert [row.get("loop_delay") for row in result["seconds"][:4]] == [None, 7.0, 1.0, None]
    assert sum(count for _, _, count in result["heat"]["cells"]) == 8_640_000


def test_a_busy_generator_does_not_keep_a_run_from_passing() -> None:
    """It can only make latencies worse."""
    assert result_of(_outcome(cpu=97.0))["passed"]
    result = result_of(_outcome(late=2))
    assert result["passed"]
    assert result["remarks"] == [["PASSED", "latencies are an upper bound: 2.0 % left late"]]


def test_a_limit_missed_by_late_messages_alone_is_invalid() -> None:
    outcome = _outcome(late=50)
    outcome.limits["p99"] = 1.0
    assert result_of(outcome)["verdict"] == "FAILED"
    recorder = Recorder()
    counters = recorder.counters("broadcast")
    counters.tardy[20] += 1000
    counters.received[5] += 1000
    counters.sent[0] += 1000
    outcome.series.add(recorder.take(109))
    assert result_of(outcome)["verdict"] == "INVALID"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"hosts": {"here", "there"}}, "latencies across 2 hosts include the difference of their"),
        ({"clock_step": 5.0}, "the wall clock was set by +5.0 s during the run: schedules and"),
        ({"silences": [Silence(104.0, 106.0)]}, "nothing arrived anywhere for 2.0 s at 4 s"),
        ({"resets": [103.0]}, "Locust's statistics were reset 3.0 s after the begin"),
        ({"blocked": 12}, "12 messages were due and never sent: the server did not read"),
        (
            {"slowed": 1200},
            "the server slowed senders down 1,200 times: they sent more than its MESSAGE_RATE or "
            "BYTE_RATE allows",
        ),
        (
            {"disagreements": [Disagreement("a", "b", 2)]},
            "2 messages in different orders, for example at a and b",
        ),
        (
            {"audit": Audit(sent=9, delivered=9, unread=3, texts=1, too_short=2, foreign=7)},
            "3 messages were unread at close",
        ),
    ],
)
def test_notes(changes: dict[str, Any], note: str) -> None:
    result = result_of(_outcome(**changes))
    assert result["passed"]
    assert result["notes"][0].startswith(note)


def test_clocks_that_are_known_to_agree_need_no_note() -> None:
    assert result_of(_outcome("--clocks-agree", hosts={"here", "there"}))["notes"] == []


def test_pauses_of_a_slow_schedule_are_no_stalls() -> None:
    outcome = _outcome(silences=[Silence(104.0, 106.9)])
    for second in range(104, 107):
        outcome.series.seconds[second].sent = 0
    assert result_of(outcome)["notes"] == []


def test_what_lies_between_two_messages_of_a_slow_schedule_is_no_stall() -> None:
    """One message every two seconds, delivered at once: each is sent in a second of a pause."""
    outcome = _outcome(audit=Audit(sent=5, delivered=5), silences=[Silence(104.001, 106.001)])
    assert result_of(outcome)["notes"] == []


def test_a_limit_on_the_maximum_is_judged_by_those_on_time() -> None:
    """The only slow message was one that the generator sent late."""
    outcome = _outcome()
    outcome.limits["max"] = 100.0
    recorder = Recorder()
    counters = recorder.counters("broadcast")
    counters.received[5000] += 1
    counters.tardy[5000] += 1
    counters.sent[0] += 1
    counters.late += 1
    outcome.series.add(recorder.take(109))
    result = result_of(outcome)
    assert result["verdict"] == "INVALID"
    assert (
        "maximum latency: 500.1 ms, over the limit of 100, and 2.1 for" in result["remarks"][0][1]
    )


def test_close_reasons_are_told_with_their_texts() -> None:
    outcome = _outcome(
        closed=Counter({"4001 too slow": 3}),
        reasons=Counter({("4001 too slow", "backlog of 9 bytes"): 2, ("4001 too slow", "x"): 1}),
    )
    result = result_of(outcome)
    assert result["remarks"] == [
        ["INCOMPLETE", 'the server closed 3 connections: 4001 too slow ("backlog of 9 bytes")']
    ]


def test_closes_for_our_own_slow_reading_are_the_generators() -> None:
    outcome = _outcome(closed=Counter({"4001 too slow": 3}), behind=3)
    assert result_of(outcome)["verdict"] == "INVALID"
    assert len(result_of(outcome)["remarks"]) == 1


def test_refusals_are_told_by_cause_the_most_frequent_first() -> None:
    result = result_of(_outcome(failed=Counter({"no": 1, "never": 1200})))
    assert result["remarks"] == [
        ["INCOMPLETE", "never (1,200 connections)"], ["INCOMPLETE", "no (1 connection)"]
    ]  # fmt: skip
    assert result["metrics"]["refused"] == 1201


def test_a_server_with_other_words_for_each_refusal_fills_no_screen() -> None:
    result = result_of(_outcome(failed=Counter({f"no {each}": 2 for each in range(1000)})))
    assert len(result["remarks"]) == 11
    assert result["remarks"][-1][1] == "1,980 connections failed for other reasons, see the result"
    assert len(result["failures"]) == 1000


def test_a_servers_words_stay_within_their_quotes() -> None:
    """They used to write lines of their own on the terminal, a verdict among them."""
    reason = "bye\n\x1b[2JPASSED  all limits met" + "x" * 1000
    outcome = _outcome(closed=Counter({"1008 rule broken": 1}))
    outcome.reasons["1008 rule broken", reason] += 1
    (sentence,) = [sentence for _, sentence in result_of(outcome)["remarks"]]
    assert r'1008 rule broken ("bye\n\x1b[2JPASSED  all limits met' in sentence
    assert sentence.endswith('x…")')
    assert len(sentence) < 300
    for text in (str(refusal(503, reason)), Close(Side.SERVER, 1008, reason).sentence):
        assert text.isprintable()


def test_own_requests_are_counted_and_judged() -> None:
    outcome = _outcome()
    recorder = Recorder()
    for _ in range(9):
        recorder.answered("chat", "login", 0.010)
    recorder.failed("chat", "login", "no message that matches came within 5 s")
    outcome.series.add(recorder.take(105))
    result = result_of(outcome)
    assert result["metrics"]["requests"] == 10
    assert result["metrics"]["request_p99"] == pytest.approx(10.1, abs=0.2)
    assert result["requests"][0]["failures"] == {"no message that matches came within 5 s": 1}
    assert result["remarks"] == [
        ["FAILED", "own requests that failed: 1 request, over the limit of 0"]
    ]


def test_members_that_come_back_from_an_overload_are_no_fault() -> None:
    """A climb ends beyond what holds, and whom the server then cuts off is the price."""
    outcome = _outcome("--rate", "100", "--rate-max", "400", "--rate-step", "2")
    outcome.limits["p50"] = 0.1
    outcome.climb = climb = Climb(outcome.options, outcome.limits, 100.0)
    for until in range(101, 111):
        climb.look(outcome.series, until)
    outcome.closed = Counter({"4001 too slow": 2})
    result = result_of(outcome)
    assert [word for word, _ in result["remarks"]] == ["FAILED"]
    assert "no rate held: p50 latency" in result["remarks"][0][1]
    assert "beyond the highest rate the server cut off 2 connections" in result["notes"][0]


def test_nobody_cut_off_meets_what_is_required_of_returns() -> None:
    outcome = _outcome("--reconnect")
    outcome.limits |= {"missed": 0.0, "split": 0.0, "returned": 0.0}
    assert result_of(outcome)["passed"]


def test_a_run_that_never_began_says_so() -> None:
    outcome = _outcome(audit=Audit())
    outcome.begun = 0.0
    result = result_of(outcome)
    assert (result["verdict"], result["exit_code"]) == ("NOTHING MEASURED", 3)
    assert "run longer, spawn faster" in result["remarks"][1][1]
