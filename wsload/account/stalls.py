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

    __slots__ = ("_silences", "last")

    def __init__(self) -> None:
        self.last = 0.0
        """When something arrived last (seconds since the epoch); 0: nothing has."""
        self._silences: list[Silence] = []

    def heard(self, moment: float) -> None:
        """Something arrived at `moment`."""
        if self.last and moment - self.last >= LEAST:
            self._silences.append(Silence(self.last, moment))
        self.last = moment

    def silences(self, end: float) -> list[Silence]:
        """All until `end`, the time at which nothing more is owed."""
        tail = [Silence(self.last, end)] if self.last and end - self.last >= LEAST else []
        return [*self._silences, *tail]


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
