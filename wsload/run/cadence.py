"""When messages are due: the schedule of one sender, which does not care how the relay is doing."""

from collections.abc import Iterator
from itertools import count

_GOLDEN = 0.6180339887498949


def phase(sender: int) -> float:
    """Where in its interval a sender begins (0 to 1), so that many senders spread out evenly."""
    return sender * _GOLDEN % 1


def constant(start: float, interval: float) -> Iterator[float]:
    """Times from `start`, every `interval` seconds, without drift."""
    return (start + number * interval for number in count())


def steps(start: float, intervals: list[float], seconds: float, offset: float) -> Iterator[float]:
    """Every interval of `intervals` in turn for `seconds`; the first message of a step comes
    `offset` (0 to 1) of an interval after the step begins. Ends with the last step."""
    for number, interval in enumerate(intervals):
        begin = start + number * seconds
        for index in range(max(round(seconds / interval), 1)):
            due = begin + (index + offset) * interval
            if due >= begin + seconds:
                break
            yield due
