"""Who is still expected, and who is gone: when a run may begin to send, and when it is over."""

from collections import Counter
from collections.abc import Callable


def _nothing() -> None:
    """Nobody has asked to be told."""


class Lineup:
    """Counts the users of this process; the callbacks run whenever the count says so."""

    def __init__(self) -> None:
        self.expected: Counter[str] = Counter()  # by scenario: users that were ever to come
        self.present = 0
        self._awaited = 0
        self._spawned = False
        self.on_assembled: Callable[[], None] = _nothing
        """Every user that was to come has joined, or has failed to."""
        self.on_gone: Callable[[], None] = _nothing
        """Nobody is left, of all that were to come."""

    def expect(self, scenario: str, *, awaited: bool = True) -> "Place":
        """A user of `scenario` is about to come; `awaited`: the run does not begin without it."""
        self.expected[scenario] += 1
        self.present += 1
        self._awaited += awaited
        return Place(self, awaited=awaited)

    def all_spawned(self) -> None:
        """No more users are to come for now."""
        self._spawned = True
        self._look()

    def close(self) -> None:
        """The run is ending: who goes from now on is nobody's news."""
        self.on_assembled = self.on_gone = _nothing

    def count(self, *, awaited: int, present: int) -> None:
        """A place has changed by so many."""
        self._awaited += awaited
        self.present += present
        self._look()

    def _look(self) -> None:
        if self._spawned and not self._awaited:
            self.on_assembled()
            if self.expected and not self.present:
                self.on_gone()


class Place:
    """One user's, from its coming to its going, whenever that is."""

    __slots__ = ("_awaited", "_lineup", "_present")

    def __init__(self, lineup: Lineup, *, awaited: bool) -> None:
        self._lineup = lineup
        self._awaited = awaited
        self._present = True

    def arrive(self) -> None:
        """It has joined; the second time does nothing."""
        if self._awaited:
            self._awaited = False
            self._lineup.count(awaited=-1, present=0)

    def go(self) -> None:
        """It is done: refused, cut off, or stopped while it was still connecting; the second time
        does nothing."""
        if self._present:
            awaited, self._awaited, self._present = self._awaited, False, False
            self._lineup.count(awaited=-awaited, present=-1)
