"""What one process measures, counted per scenario on the hot path and taken once a second."""

from collections import Counter, defaultdict
from typing import TypedDict

from wsload.account.histogram import TICKS_PER_SECOND, Histogram

# In ticks. A little below zero is rounding; this is another host's clock.
_BACKWARDS = -10

Ticks = dict[int, int]
"""Latencies in units of 0.1 ms, counted."""


class Counters:
    """One scenario in one second."""

    __slots__ = (
        "away", "connected", "jitter", "late", "pings", "received", "received_bytes", "sent",
        "sent_bytes", "tardy",
    )  # fmt: skip

    def __init__(self) -> None:
        self.received: Ticks = defaultdict(int)  # intended send time to arrival
        self.tardy: Ticks = defaultdict(int)  # the same, of those that the generator sent late
        self.received_bytes = 0
        self.sent: Ticks = defaultdict(int)  # intended send time to write, if writable
        self.sent_bytes = 0
        self.connected: Ticks = defaultdict(int)  # start of connecting to end of handshake
        self.away: Ticks = defaultdict(int)  # end of a connection to being back
        self.jitter: Ticks = defaultdict(int)  # change of latency, same sender
        self.pings: Ticks = defaultdict(int)  # ping to pong
        self.late = 0  # sends that the generator made too late


class RequestSample(TypedDict):
    """What one kind of own request came to in one second."""

    name: str
    answered: list[object]  # exported histogram
    failed: dict[str, int]  # by sentence


class Sample(TypedDict):
    """`Counters` of one second, folded; plain types, so that a worker can send it."""

    scenario: str
    second: int  # since the epoch
    received: list[object]
    tardy: list[object]
    received_bytes: int
    sent: list[object]
    sent_bytes: int
    connected: list[object]
    away: list[object]
    jitter: list[object]
    pings: list[object]
    late: int
    backwards: int  # messages that came before they were sent: clocks disagree
    requests: list[RequestSample]


class Recorder:
    """The counters of every scenario in this process. Readers and senders hold on to them: taking
    a sample empties them in place."""

    def __init__(self) -> None:
        self._scenarios: dict[str, Counters] = {}
        self._requests: dict[tuple[str, str], Ticks] = defaultdict(lambda: defaultdict(int))
        self._failed: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def counters(self, scenario: str) -> Counters:
        return self._scenarios.setdefault(scenario, Counters())

    def answered(self, scenario: str, name: str, seconds: float) -> None:
        """An own request of a user was answered after so long."""
        self.counters(scenario)
        self._requests[scenario, name][ticks(seconds)] += 1

    def failed(self, scenario: str, name: str, sentence: str) -> None:
        """An own request of a user was not."""
        self.counters(scenario)
        self._failed[scenario, name][sentence] += 1

    def take(self, second: int) -> list[Sample]:
        """Everything counted since the last call, as of `second`; nothing where nothing was."""
        samples = []
        for scenario, counters in self._scenarios.items():
            requests = self._take_requests(scenario)
            if (
                counters.received or counters.sent or counters.connected or counters.pings
                or counters.received_bytes or requests
            ):  # fmt: skip
                samples.append(_fold(scenario, second, counters, requests))
        return samples

    def _take_requests(self, scenario: str) -> list[RequestSample]:
        names = {key[1] for key in (*self._requests, *self._failed) if key[0] == scenario}
        return [
            {
                "name": name,
                "answered": _emptied(self._requests.pop((scenario, name), {})),
                "failed": dict(self._failed.pop((scenario, name), {})),
            }
            for name in sorted(names)
        ]


def ticks(seconds: float) -> int:
    """A latency in units of 0.1 ms, rounded down."""
    return int(seconds * TICKS_PER_SECOND)


def _fold(scenario: str, second: int, counters: Counters, requests: list[RequestSample]) -> Sample:
    sample: Sample = {
        "scenario": scenario,
        "second": second,
        "backwards": sum(n for tick, n in counters.received.items() if tick <= _BACKWARDS),
        "received": _emptied(counters.received),
        "tardy": _emptied(counters.tardy),
        "received_bytes": counters.received_bytes,
        "sent": _emptied(counters.sent),
        "sent_bytes": counters.sent_bytes,
        "connected": _emptied(counters.connected),
        "away": _emptied(counters.away),
        "jitter": _emptied(counters.jitter),
        "pings": _emptied(counters.pings),
        "late": counters.late,
        "requests": requests,
    }
    counters.received_bytes = counters.sent_bytes = counters.late = 0
    return sample


def _emptied(counted: Ticks) -> list[object]:
    histogram = Histogram()
    histogram.add_ticks(counted)
    counted.clear()
    return histogram.export()
