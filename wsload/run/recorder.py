"""What one process measures, counted per scenario on the hot path and taken once a second."""

from collections import defaultdict
from typing import TypedDict

from wsload.account.histogram import TICKS_PER_SECOND, Histogram

# In ticks. A little below zero is rounding; this is a clock that steps, or another host's.
_BACKWARDS = -10


class Counters:
    """One scenario in one second. Ticks are latencies in units of 0.1 ms, counted."""

    __slots__ = (
        "away", "connected", "jitter", "late", "received", "received_bytes", "sent", "sent_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.received: dict[int, int] = defaultdict(int)  # intended send time to arrival
        self.received_bytes = 0
        self.sent: dict[int, int] = defaultdict(int)  # intended send time to write, if writable
        self.sent_bytes = 0
        self.connected: dict[int, int] = defaultdict(int)  # start of connecting to end of handshake
        self.away: dict[int, int] = defaultdict(int)  # end of a connection to being back
        self.jitter: dict[int, int] = defaultdict(int)  # change of latency, same sender
        self.late = 0  # sends that the generator made too late


class Sample(TypedDict):
    """`Counters` of one second, folded; plain types, so that a worker can send it."""

    scenario: str
    second: int  # since the epoch
    received: list[object]
    received_bytes: int
    sent: list[object]
    sent_bytes: int
    connected: list[object]
    away: list[object]
    jitter: list[object]
    late: int
    backwards: int  # messages that came before they were sent: clocks disagree


class Recorder:
    """The counters of every scenario in this process. Readers and senders hold on to them: taking
    a sample empties them in place."""

    def __init__(self) -> None:
        self._scenarios: dict[str, Counters] = {}

    def counters(self, scenario: str) -> Counters:
        return self._scenarios.setdefault(scenario, Counters())

    def take(self, second: int) -> list[Sample]:
        """Everything counted since the last call, as of `second`; nothing where nothing was."""
        samples = []
        for scenario, counters in self._scenarios.items():
            if counters.received or counters.sent or counters.connected or counters.received_bytes:
                samples.append(_fold(scenario, second, counters))
        return samples


def ticks(seconds: float) -> int:
    """A latency in units of 0.1 ms, rounded down."""
    return int(seconds * TICKS_PER_SECOND)


def _fold(scenario: str, second: int, counters: Counters) -> Sample:
    sample: Sample = {
        "scenario": scenario,
        "second": second,
        "backwards": sum(n for tick, n in counters.received.items() if tick <= _BACKWARDS),
        "received": _emptied(counters.received),
        "received_bytes": counters.received_bytes,
        "sent": _emptied(counters.sent),
        "sent_bytes": counters.sent_bytes,
        "connected": _emptied(counters.connected),
        "away": _emptied(counters.away),
        "jitter": _emptied(counters.jitter),
        "late": counters.late,
    }
    counters.received_bytes = counters.sent_bytes = counters.late = 0
    return sample


def _emptied(counted: dict[int, int]) -> list[object]:
    histogram = Histogram()
    histogram.add_ticks(counted)
    counted.clear()
    return histogram.export()
