"""The run second by second, from all processes, and the sums over it."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from wsload.account.histogram import Histogram
from wsload.run.recorder import Sample


class Second:
    """What happened in one second, everywhere."""

    __slots__ = (
        "connections", "cpu", "late_sends", "latency", "received", "received_bytes", "sent",
        "server_cpu", "tardy",
    )  # fmt: skip

    def __init__(self) -> None:
        self.latency = Histogram()
        self.tardy = Histogram()  # of the same, those that the generator sent late
        self.received = 0
        self.received_bytes = 0
        self.sent = 0
        self.late_sends = 0
        self.connections: dict[str, int] = {}  # open at its end, by process
        self.cpu: dict[str, float] = {}  # percent of one core, by process
        self.server_cpu: float | None = None  # percent of one core; none: not to be seen


class Requests:
    """Own requests of one name."""

    __slots__ = ("answered", "failed")

    def __init__(self) -> None:
        self.answered = Histogram()
        self.failed: Counter[str] = Counter()  # by sentence


class Series:
    """Seconds since the epoch, and what each kind of measurement sums up to."""

    def __init__(self) -> None:
        self.seconds: dict[int, Second] = defaultdict(Second)
        self.latency = Histogram()
        self.tardy = Histogram()  # of the same, those that the generator sent late
        self.lateness = Histogram()
        self.connect = Histogram()
        self.away = Histogram()
        self.jitter = Histogram()
        self.pings = Histogram()
        self.requests: dict[str, Requests] = defaultdict(Requests)  # by name
        self.received_bytes = 0
        self.sent_bytes = 0
        self.late_sends = 0
        self.backwards = 0

    def add(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            second = self.seconds[sample["second"]]
            latency = Histogram.of(sample["received"])
            lateness = Histogram.of(sample["sent"])
            tardy = Histogram.of(sample["tardy"])
            second.latency.merge(latency)
            second.tardy.merge(tardy)
            second.late_sends += sample["late"]
            second.received += latency.count
            second.received_bytes += sample["received_bytes"]
            second.sent += lateness.count
            self.latency.merge(latency)
            self.tardy.merge(tardy)
            self.lateness.merge(lateness)
            self.connect.merge(Histogram.of(sample["connected"]))
            self.away.merge(Histogram.of(sample["away"]))
            self.jitter.merge(Histogram.of(sample["jitter"]))
            self.pings.merge(Histogram.of(sample["pings"]))
            for request in sample["requests"]:
                known = self.requests[request["name"]]
                known.answered.merge(Histogram.of(request["answered"]))
                known.failed.update(request["failed"])
            self.received_bytes += sample["received_bytes"]
            self.sent_bytes += sample["sent_bytes"]
            self.late_sends += sample["late"]
            self.backwards += sample["backwards"]

    def note(self, second: int, process: str, *, connections: int, cpu: float) -> None:
        """The state of one process at the end of a second."""
        self.seconds[second].connections[process] = connections
        self.seconds[second].cpu[process] = cpu

    def busiest(self, begin: float, end: float) -> float:
        """The highest mean CPU use of any process between two times, in percent of one core."""
        used: dict[str, list[float]] = defaultdict(list)
        for _, state in self.between(begin, end):
            for process, cpu in state.cpu.items():
                used[process].append(cpu)
        return max((sum(values) / len(values) for values in used.values()), default=0.0)

    def between(self, begin: float, end: float) -> list[tuple[int, Second]]:
        """The whole seconds between two times (seconds since the epoch), ascending."""
        return [
            (number, self.seconds[number])
            for number in sorted(self.seconds)
            if begin <= number and number + 1 <= end
        ]
