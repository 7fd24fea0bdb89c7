"""Who is still expected, and who is gone: when a run may begin to send, and when it is over."""

from collections.abc import Callable


def _nothing() -> None:
    """Nobody has asked to be told."""


class Lineup:
    """Counts the users of this process; the callbacks run whenever the count says so."""

    def __init__(self) -> None:
        self.expected = 0  # users that were ever to come
        self.present = 0
        self._awaited = 0
        self._spawned = False
        self.on_assembled: Callable[[], None] = _nothing
        """Every user that was to come has joined, or has failed to."""
        self.on_gone: Callable[[], None] = _nothing
        """Nobody is left, of all that were to come."""

    def expect(self) -> None:
        """A user is about to connect."""
        self.expected += 1
        self._awaited += 1
        self.present += 1

    def arrive(self) -> None:
        """A user has joined."""
        self._awaited -= 1
        self._look()

    def retire(self, *, arrived: bool = True) -> None:
        """A user is done before the run is: refused, or cut off."""
        self._awaited -= not arrived
        self.present -= 1
        self._look()

    def all_spawned(self) -> None:
        """No more users are to come for now."""
        self._spawned = True
        self._look()

    def _look(self) -> None:
        if self._spawned and not self._awaited:
            self.on_assembled()
            if not self.present:
                self.on_gone()
