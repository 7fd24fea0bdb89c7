"""Whether a room waits for its receivers: slowing senders is better than losing messages (rule 2).

A minority that is slow never slows the room, and a majority never for longer than `PATIENCE`.
"""

from enum import Enum
from typing import Final

from relay.room.member import Member, Publisher

PATIENCE: Final = 5.0  # seconds that a room waits for receivers that are far behind
COOL_DOWN: Final = 30.0  # seconds after such a wait in which it does not wait again


class State(Enum):
    FLOWING = "flowing"
    WAITING = "waiting"  # nothing is delivered, senders are held
    IMPATIENT = "impatient"  # it has waited: who is far behind follows, or exceeds its limit


class Congestion:
    """The members that are far behind, and the publishers that are held for them."""

    __slots__ = ("_since", "behind", "held", "state")

    def __init__(self) -> None:
        self.state = State.FLOWING
        self.behind: set[Member] = set()
        self.held: set[Publisher] = set()
        self._since: float | None = None  # when `state` was first looked at, in seconds

    @property
    def is_waiting(self) -> bool:
        return self.state is State.WAITING

    def is_over(self, receivers: int, only_author: Member | None) -> bool:
        """Whether more than half of the receivers are far behind.

        `only_author` is the member that published all there is to deliver: not a receiver of it.
        """
        behind = len(self.behind)
        if behind and only_author is not None:
            receivers -= 1
            behind -= only_author in self.behind
        return behind * 2 > receivers

    def hold(self, publisher: Publisher) -> None:
        """Make it wait, once, until `go_on`."""
        if publisher not in self.held:
            self.held.add(publisher)
            publisher.hold()

    def wait(self) -> None:
        self.state, self._since = State.WAITING, None

    def go_on(self) -> None:
        """End a wait because the receivers have caught up."""
        self.state = State.FLOWING
        self._release()

    def lose_patience(self) -> None:
        """End a wait although they have not."""
        self.state, self._since = State.IMPATIENT, None
        self._release()

    def is_due(self, now: float) -> bool:
        """Whether the present state has lasted as long as it may.

        To be asked now and then: its time runs from when it is first asked.
        """
        if self._since is None:
            self._since = now
        return now - self._since >= (PATIENCE if self.is_waiting else COOL_DOWN)

    def _release(self) -> None:
        held, self.held = self.held, set()
        for publisher in held:
            publisher.release()
