"""The verdict on a run, from facts alone: a table of rows, of which the first that holds decides
and all that hold are said.

A message that leaves late can only make latency look worse, so a run that passes although the
generator was late has passed; one that fails for that reason alone says nothing about the server.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from wsload.account.audit import FAULTS
from wsload.run.climb import LEAST_SENT, MOST_CPU, MOST_LATE
from wsload.run.figures import counted, number
from wsload.run.requirements import LATENCIES, Check

_FAULTS = frozenset({*FAULTS, "disordered"})

_EXPLANATIONS = {
    "lost": "they were owed and never came",
    "repeated": "they came more than once",
    "reordered": "they came after a later message of the same sender",
    "leaked": "they came into a room that they were not sent to",
    "corrupted": "their checksum does not match: the server changed them",
    "truncated": "they came shorter than they were sent",
    "unexpected": "they bear this run's marks, and no member sent them",
    "disordered": "receivers saw the same messages in different orders",
}


class Word(Enum):
    """The verdict, and the exit code of the process."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"
    INVALID = "INVALID"
    NOTHING_MEASURED = "NOTHING MEASURED"

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Word.PASSED: 0,
    Word.FAILED: 1,
    Word.INCOMPLETE: 2,
    Word.INVALID: 3,
    Word.NOTHING_MEASURED: 3,
}


@dataclass(frozen=True, slots=True)
class Climbed:
    """How a climb ended."""

    highest: float  # messages a second that held; 0: none
    top_held: bool
    limited: bool  # by the generator
    answered: bool = True  # else the run ended before it had found the highest rate
    shortfall: str = ""  # of the last step that did not hold


@dataclass(frozen=True, slots=True)
class Facts:
    """What a verdict is made from. Shares are of 1."""

    sent: int
    owed: int
    requests: int = 0  # own ones that were made
    checks: list[Check] = field(default_factory=list)
    on_time: dict[str, float] = field(default_factory=dict)
    """The metrics of `LATENCIES`, of those messages that left on time."""
    slow_closes: int = 0
    """Connections that the server closed for slow reading, while the generator was behind."""
    ended: list[str] = field(default_factory=list)
    """What was refused, closed or interrupted otherwise, in sentences."""
    sent_share: float = 1.0  # of the plan; what the server did not read is not in it
    late_share: float = 0.0  # of all messages: those that left late
    cpu: float = 0.0  # percent of a core, of the busiest process
    others_failed: int = 0  # requests of Locust's other users
    climb: Climbed | None = None  # none: it did not climb

    @property
    def generator_late(self) -> bool:
        return self.late_share > MOST_LATE

    @property
    def generator_limit(self) -> bool:
        """The generator may have been the limit, and not the server."""
        return self.generator_late or self.cpu > MOST_CPU or self.sent_share < LEAST_SENT

    @property
    def missed(self) -> list[Check]:
        return [check for check in self.checks if not check.met]


class Remark(NamedTuple):
    """One row of the table that holds."""

    row: int
    word: Word
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word that decided, and everything that was to be said."""

    word: Word
    remarks: list[Remark]

    @property
    def row(self) -> int:
        return self.remarks[0].row


def judge(facts: Facts) -> Verdict:
    """The verdict on a run."""
    remarks = [remark for row in _ROWS for remark in row(facts)]
    remarks.sort(key=lambda remark: remark.row)
    if not remarks:
        remarks = [*_passed(facts)]
    return Verdict(remarks[0].word, remarks)


def _nothing(facts: Facts) -> Iterator[Remark]:
    if facts.requests or (facts.sent and facts.owed):
        return
    what = "no message was sent" if not facts.sent else "no message was owed to anybody"
    yield Remark(1, Word.NOTHING_MEASURED, what)


def _faults(facts: Facts) -> Iterator[Remark]:
    # A close for our own slow reading explains none: what was on its way is unread, not lost.
    for check in facts.missed:
        if check.name in _FAULTS:
            sentence = f"{check.sentence} ({_EXPLANATIONS[check.name]})"
            yield Remark(2, Word.FAILED, sentence)


def _slow_closes(facts: Facts) -> Iterator[Remark]:
    if facts.slow_closes:
        yield Remark(
            3,
            Word.INVALID,
            f"the server closed {counted(facts.slow_closes, 'connections')} for slow reading, and "
            f"it was the generator that read slowly ({facts.cpu:.0f} % of a core); add processes "
            "(--processes) or lower the load",
        )


def _ended(facts: Facts) -> Iterator[Remark]:
    for sentence in facts.ended:
        yield Remark(4, Word.INCOMPLETE, sentence)
    climb = facts.climb
    if climb is not None and not (climb.answered or climb.highest or climb.shortfall):
        yield Remark(
            4,
            Word.INCOMPLETE,
            "the run ended before the first step of the climb did; run longer (-t) or take shorter "
            "steps (--rate-step)",
        )


def _plan(facts: Facts) -> Iterator[Remark]:
    if facts.sent_share < LEAST_SENT and facts.climb is None:
        yield Remark(
            5,
            Word.INVALID,
            f"only {100 * facts.sent_share:.1f} % of what was planned was sent, and the server did "
            "not hinder it; add processes (--processes) or lower the load",
        )


def _climb(facts: Facts) -> Iterator[Remark]:
    climb = facts.climb
    if climb is None:
        return
    if not climb.highest and (climb.shortfall or climb.limited):
        word = Word.INVALID if climb.limited else Word.FAILED
        yield Remark(6, word, f"no rate held: {climb.shortfall}")


def _latencies(facts: Facts) -> Iterator[Remark]:
    for check in facts.missed:
        if check.name in _FAULTS or check.name == "request_failures" or check.quantity.least:
            continue
        measured = facts.on_time.get(check.name)
        on_time = Check(check.name, check.limit, measured)
        if check.name in LATENCIES and facts.late_share and measured is not None and on_time.met:
            yield Remark(
                11,
                Word.INVALID,
                f"{check.sentence}, and {number(measured)} for those that left on time: "
                f"{_late(facts)}; add processes (--processes) or lower the load",
            )
        else:
            yield Remark(10, Word.FAILED, check.sentence)


def _throughput(facts: Facts) -> Iterator[Remark]:
    for check in facts.missed:
        if check.quantity.least:
            limit = facts.generator_limit if facts.climb is None else facts.climb.limited
            if limit:
                why = f"the generator was the limit ({facts.cpu:.0f} % of a core, {_late(facts)})"
                yield Remark(12, Word.INVALID, f"{check.sentence}, and {why}")
            else:
                yield Remark(12, Word.FAILED, check.sentence)


def _requests(facts: Facts) -> Iterator[Remark]:
    for check in facts.missed:
        if check.name == "request_failures":
            yield Remark(13, Word.FAILED, check.sentence)
    if facts.others_failed:
        yield Remark(
            13,
            Word.FAILED,
            f"{counted(facts.others_failed, 'requests')} of other users failed: see Locust's own "
            "table",
        )


_ROWS: tuple[Callable[[Facts], Iterator[Remark]], ...] = (
    _nothing, _faults, _slow_closes, _ended, _plan, _climb, _latencies, _throughput, _requests,
)  # fmt: skip
"""What keeps a run from passing, in the order in which it decides."""


def _passed(facts: Facts) -> Iterator[Remark]:
    """Rows 7 to 9: nothing is to be said against it."""
    climb = facts.climb
    if climb is not None and (climb.top_held or climb.limited or not climb.answered):
        why = "the run ended before the climb did; run longer (-t)"
        if climb.answered:
            why = "the generator was the limit" if climb.limited else "the last step held"
        if facts.generator_late:
            why += f"; {_late(facts)}"
        yield Remark(7, Word.PASSED, f"at least {number(round(climb.highest))} msg/s sent: {why}")
    elif facts.generator_late and not any(check.quantity.least for check in facts.checks):
        yield Remark(8, Word.PASSED, f"latencies are an upper bound: {_late(facts)}")
    else:
        met = ", ".join(f"{check.quantity.title} {number(check.limit)}" for check in facts.checks)
        why = f"all limits met: {met}" if met else "nothing was required"
        yield Remark(9, Word.PASSED, why)


def _late(facts: Facts) -> str:
    share = 100 * facts.late_share
    return f"{share:.1f} % left late" if share < 10 else f"{share:.0f} % left late"
