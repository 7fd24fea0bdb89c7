"""Every row of the table of verdicts, and which of two decides."""

from dataclasses import replace
from typing import Any

import pytest

from wsload.report.verdict import Climbed, Facts, Word, judge
from wsload.run.requirements import Check

FINE = Facts(sent=100, owed=300, checks=[Check("lost", 0, 0)])
P99_MISSED = Check("p99", 100, 250)
P99_MET = Check("p99", 100, 50)
SLOW_THROUGHPUT = Check("throughput", 1000, 900)
LOST = Check("lost", 0, 12)
LATE = 0.3

ROWS: list[tuple[int, str, dict[str, Any], Word, str]] = [
    (1, "nothing sent", {"sent": 0, "owed": 0}, Word.NOTHING_MEASURED, "no message was sent"),
    (1, "nothing owed", {"owed": 0}, Word.NOTHING_MEASURED, "no message was owed to anybody"),
    (9, "own requests are enough", {"sent": 0, "owed": 0, "requests": 1}, Word.PASSED, "lost 0"),
    (
        2, "a fault", {"checks": [LOST]}, Word.FAILED,
        "lost: 12 messages, over the limit of 0 (they were owed and never came)",
    ),
    (
        2, "a fault, however late the generator", {"checks": [LOST], "late_share": 0.9},
        Word.FAILED, "lost: 12 messages",
    ),
    (
        2, "a fault that slow closes do not explain",
        {"checks": [Check("corrupted", 0, 1)], "slow_closes": 3},
        Word.FAILED, "corrupted: 1 message, over the limit of 0 (their checksum",
    ),
    (
        3, "slow closes of a generator that was behind", {"slow_closes": 3, "cpu": 97.0},
        Word.INVALID, "the server closed 3 connections for slow reading, and it was the",
    ),
    (
        2, "a loss, although some were closed for slow reading",
        {"slow_closes": 1, "checks": [LOST]}, Word.FAILED, "lost: 12 messages",
    ),
    (4, "refused or closed", {"ended": ["503 full (1 connection)"]}, Word.INCOMPLETE, "503 full"),
    (
        5, "not sent", {"sent_share": 0.97}, Word.INVALID,
        "only 97.0 % of what was planned was sent, and the server did not hinder it",
    ),
    (
        6, "no rate held", {"climb": Climbed(0, top_held=False, limited=False, shortfall="slow")},
        Word.FAILED, "no rate held: slow",
    ),
    (
        6, "by the generator", {"climb": Climbed(0, top_held=False, limited=True, shortfall="cpu")},
        Word.INVALID, "no rate held: cpu",
    ),
    (
        7, "the top step held", {"climb": Climbed(5000, top_held=True, limited=False)},
        Word.PASSED, "at least 5,000 msg/s sent: the last step held",
    ),
    (
        7, "the generator was the limit later",
        {"climb": Climbed(5000, top_held=False, limited=True)},
        Word.PASSED, "at least 5,000 msg/s sent: the generator was the limit",
    ),
    (
        7, "the run ended before the climb",
        {"climb": Climbed(5000, top_held=False, limited=False, answered=False)},
        Word.PASSED, "at least 5,000 msg/s sent: the run ended before the climb did",
    ),
    (
        4, "the run ended before a step",
        {"climb": Climbed(0, top_held=False, limited=False, answered=False)},
        Word.INCOMPLETE, "the run ended before the first step of the climb did; run longer (-t)",
    ),
    (9, "a knee", {"climb": Climbed(5000, top_held=False, limited=False)}, Word.PASSED, "lost 0"),
    (
        8, "met in spite of lateness", {"checks": [P99_MET], "late_share": LATE},
        Word.PASSED, "latencies are an upper bound: 30 % left late",
    ),
    (9, "all met", {"checks": [P99_MET]}, Word.PASSED, "all limits met: p99 latency 100"),
    (
        9, "what is to be reached", {"checks": [Check("throughput", 1, 2)], "late_share": LATE},
        Word.PASSED, "throughput 1",
    ),
    (
        10, "latency, generator on time", {"checks": [P99_MISSED]}, Word.FAILED,
        "p99 latency: 250 ms, over the limit of 100",
    ),
    (
        10, "latency, also of those on time",
        {"checks": [P99_MISSED], "late_share": LATE, "on_time": {"p99": 120.0}},
        Word.FAILED, "p99 latency: 250 ms, over the limit of 100",
    ),
    (10, "another upper limit", {"checks": [Check("split", 5, 9)]}, Word.FAILED, "longest split"),
    (
        11, "latency, met by those on time",
        {"checks": [P99_MISSED], "late_share": LATE, "on_time": {"p99": 80.0}},
        Word.INVALID, "over the limit of 100, and 80 for those that left on time: 30 % left late",
    ),
    (12, "throughput", {"checks": [SLOW_THROUGHPUT]}, Word.FAILED, "throughput: 900 msg/s"),
    (
        12, "throughput, by the generator", {"checks": [SLOW_THROUGHPUT], "cpu": 95.0},
        Word.INVALID, "short of the required 1,000, and the generator was the limit (95 %",
    ),
    (
        12, "throughput, late", {"checks": [SLOW_THROUGHPUT], "late_share": LATE},
        Word.INVALID, "30 % left late",
    ),
    (
        13, "own requests", {"requests": 9, "checks": [Check("request_failures", 0, 2)]},
        Word.FAILED, "own requests that failed: 2 requests, over the limit of 0",
    ),
    (
        13, "requests of others", {"others_failed": 1200}, Word.FAILED,
        "1,200 requests of other users failed: see Locust's own table",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "changes", "word", "sentence"),
    [(row, changes, word, sentence) for row, _, changes, word, sentence in ROWS],
    ids=[f"{row} {name}" for row, name, _, _, _ in ROWS],
)
def test_row(row: int, changes: dict[str, Any], word: Word, sentence: str) -> None:
    verdict = judge(replace(FINE, **changes))
    assert (verdict.row, verdict.word) == (row, word)
    assert sentence in verdict.remarks[0].sentence


def test_all_rows_are_tried() -> None:
    assert {row for row, *_ in ROWS} == set(range(1, 14))


def test_the_first_row_decides_and_all_are_said() -> None:
    verdict = judge(
        replace(
            FINE,
            checks=[Check("request_failures", 0, 2), P99_MISSED, LOST, SLOW_THROUGHPUT],
            ended=["the run was interrupted"],
            sent_share=0.5,
        )
    )
    assert verdict.word is Word.FAILED
    assert [remark.row for remark in verdict.remarks] == [2, 4, 5, 10, 12, 13]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (Word.PASSED, 0), (Word.FAILED, 1), (Word.INCOMPLETE, 2), (Word.INVALID, 3),
        (Word.NOTHING_MEASURED, 3),
    ],
)  # fmt: skip
def test_exit_codes(word: Word, code: int) -> None:
    assert word.exit_code == code


def test_one_in_a_hundred_may_be_late_without_a_word() -> None:
    assert judge(replace(FINE, late_share=0.01)).row == 9
    assert judge(replace(FINE, late_share=0.011)).row == 8
