"""When messages are due: the schedule of one sender, however the server is doing."""

from collections.abc import Callable, Iterator
from itertools import count

# Seconds. Messages of different senders that fall into one slot are due at its begin, and leave
# together: the process wakes up once for all of them, and so does the server.
_LEAST_SLOT, _MOST_SLOT = 0.001, 0.005
_SLOTS = 4  # of an interval, where that is neither too short nor too long for it
_GOLDEN = 0.6180339887498949


def phase(sender: int) -> float:
    """Where in its interval a sender begins (0 to 1), so that many senders spread out evenly."""
    return sender * _GOLDEN % 1


def slot(interval: float) -> float:
    """How long a slot is, of senders with this interval (both seconds)."""
    return min(max(interval / _SLOTS, _LEAST_SLOT), _MOST_SLOT)


def constant(start: float, interval: float, offset: float = 0.0) -> Iterator[float]:
    """Times from `start`, every `interval` seconds without drift, the first one `offset` (0 to 1)
    of an interval after `start`, at the begin of its slot."""
    length = slot(interval)
    begin = start + int(offset * interval / length) * length
    return (begin + number * interval for number in count())


class Pace:
    """A rate that all senders of a scenario share, and that changes while they send."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        """Messages a second of all senders together, more than 0."""
        self.senders = 1
        """How many share it, in all processes."""

    @property
    def interval(self) -> float:
        """Seconds between two messages of one sender."""
        return self.senders / self.rate


class Share:
    """One sender's times at a pace."""

    def __init__(self, pace: Pace, start: float, offset: float) -> None:
        """`offset` (0 to 1): the part of an interval that passes before the first time."""
        self._pace = pace
        self.interval = pace.interval
        """Seconds between two of its times."""
        self._due = start + (offset - 1) * self.interval

    def __iter__(self) -> "Share":
        return self

    def __next__(self) -> float:
        self._due += self.interval
        return self._due

    def adapt(self, moment: float) -> float:
        """The pace has changed at `moment`: what was due later is due nearer or farther, in the
        proportion of the new interval to the old one. Returns the time that was handed out last."""
        before, self.interval = self.interval, self._pace.interval
        if self._due > moment:
            self._due = moment + (self._due - moment) * self.interval / before
        return self._due


def thoughtful(start: float, wait: Callable[[], float]) -> Iterator[float]:
    """Times from `start`, each as long after the one before as `wait` says (seconds)."""
    due = start
    while True:
        yield due
        due += wait()
