"""Times in which nothing arrived anywhere."""

from collections.abc import Iterable
from typing import NamedTuple

LEAST = 1.0  # seconds without any arrival that are worth a sentence


class Silence(NamedTuple):
    """From one arrival to the next, in one process or in all (seconds since the epoch)."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class Listener:
    """Notes when nothing arrived in one process for a while."""

    __slots__ = ("_first", "_last", "_silences")

    def __init__(self) -> None:
        # When something arrived first and last (seconds since the epoch); 0: nothing has.
        self._first = self._last = 0.0
        self._silences: list[Silence] = []

    def heard(self, moment: float) -> None:
        """Something arrived at `moment`."""
        if not self._last:
            self._first = moment
        elif moment - self._last >= LEAST:
            self._silences.append(Silence(self._last, moment))
        self._last = moment

    def silences(self, begin: float, end: float) -> list[Silence]:
        """All between two times, of the first and the last message that was sent. A process in
        which nothing arrives is silent from one to the other."""
        found = [Silence(begin, self._first), *self._silences, Silence(self._last, end)]
        if not self._last:
            found = [Silence(begin, end)]
        within = (Silence(max(one.begin, begin), min(one.end, end)) for one in found)
        return [silence for silence in within if silence.seconds >= LEAST]


def everywhere(processes: Iterable[list[Silence]]) -> list[Silence]:
    """The times in which nothing arrived in any process, the longest first."""
    common: list[Silence] | None = None
    for silences in processes:
        if common is None:
            common = silences
        else:
            common = [
                Silence(max(a.begin, b.begin), min(a.end, b.end)) for a in common for b in silences
            ]
        common = [silence for silence in common if silence.seconds >= LEAST]
    return sorted(common or [], key=lambda silence: -silence.seconds)
