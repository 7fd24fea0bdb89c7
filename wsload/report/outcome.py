"""Everything that was found out in a run, from all processes, before anybody judges it."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from wsload.account.audit import Audit
from wsload.account.order import Disagreement
from wsload.account.stalls import Silence
from wsload.client.closes import TOO_SLOW, Close, Side
from wsload.run.climb import MOST_CPU, Climb
from wsload.run.options import Options
from wsload.run.series import Second, Series

_TOO_SLOW = str(Close(Side.SERVER, TOO_SLOW))


@dataclass(slots=True)
class Outcome:
    """Times are seconds since the epoch; 0: it never came to that."""

    options: Options
    limits: dict[str, float]
    host: str  # as it may be shown
    scenarios: list[str]
    settings: dict[str, Any]
    series: Series = field(default_factory=Series)
    audit: Audit = field(default_factory=Audit)
    climbing: str = ""  # the scenario whose rate may climb; empty: there is none
    climb: Climb | None = None  # none: it did not climb
    server: dict[str, Any] = field(default_factory=dict)  # what /health tells
    loop_delays: dict[int, float] = field(default_factory=dict)  # by second: ms
    begun: float = 0.0  # of sending
    ended: float = 0.0
    received: int = 0  # messages, until sending ended
    received_bytes: int = 0
    users: Counter[str] = field(default_factory=Counter)  # by scenario
    processes: int = 1
    hosts: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)  # by sentence
    closed: Counter[str] = field(default_factory=Counter)  # by code
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)  # by code and text
    lagged: Counter[str] = field(default_factory=Counter)  # by code
    returned: Counter[str] = field(default_factory=Counter)  # by code
    absences: list[tuple[str, float, float]] = field(default_factory=list)  # member, left, back
    behind: int = 0  # closed for slow reading while our own reader was behind
    unsent: int = 0  # due and not sent, without the server's doing
    blocked: int = 0  # due and not sent, because the server did not read
    others_failed: int = 0  # requests of users that are not ours
    slowed: int = 0  # times that the server slowed a sender, for a limit of its own
    silences: list[Silence] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    clock_step: float = 0.0  # seconds by which the wall clock was set meanwhile
    resets: list[float] = field(default_factory=list)  # of Locust's statistics
    interrupted: list[str] = field(default_factory=list)  # why it ended before its time

    def sending_ended(self) -> None:
        """What has not arrived by now does not count for throughput: it would be flattered by what
        piled up and came in the settle time. Nor does what came before everybody had joined, from
        users that send as they like: the time is counted from then."""
        seconds = self.series.seconds.items()
        before = [state for second, state in seconds if second + 1 <= self.begun]
        self.received = self.series.latency.count - sum(state.received for state in before)
        self.received_bytes = self.series.received_bytes - sum(
            state.received_bytes for state in before
        )

    @property
    def duration(self) -> float:
        """Seconds in which messages were sent."""
        return max(self.ended - self.begun, 0.0) if self.begun else 0.0

    @property
    def seconds(self) -> list[tuple[int, Second]]:
        """The whole seconds of sending, numbered from 1; none where it never began."""
        first = ceil(self.begun)
        found = self.series.between(self.begun, self.ended) if self.begun else []
        return [(number - first + 1, second) for number, second in found]

    @property
    def cpu(self) -> float:
        """Percent of a core, of the busiest process, while messages were sent."""
        return self.series.busiest(self.begun, self.ended)

    @property
    def late_share(self) -> float:
        """Of all messages: those that the generator sent late."""
        sends = self.series.lateness.count
        return self.series.late_sends / sends if sends else 0.0

    @property
    def slow_closes(self) -> int:
        """Connections closed for slow reading that was, or may have been, the generator's."""
        if self.overloaded:
            return 0
        return self.closed[_TOO_SLOW] if self.cpu > MOST_CPU else self.behind

    @property
    def overloaded(self) -> bool:
        """A climb went beyond what holds, and the server cut members off: that was the question."""
        return (
            self.climb is not None
            and any(not step.held for step in self.climb.steps)
            and bool(self.closed or self.returned)
        )
