"""Whether a room waits for its receivers: slowing senders is better than losing messages (rule 2).

A minority that is slow never slows the room, and a majority never for longer than `PATIENCE`. After
such a wait the room waits for a shorter time for a while, so that readers who come back again and
again cannot hold it for long each time.
"""

from enum import Enum
from typing import Final

from relay.room.member import Member, Publisher

PATIENCE: Final = 5.0  # seconds that a room waits for receivers that are far behind
SHORT_PATIENCE: Final = 1.0  # seconds that it waits when it has lost its patience before
COOL_DOWN: Final = 30.0  # seconds until that is forgotten


class Flow(Enum):
    FLOWING = "flowing"
    WAITING = "waiting"  # nothing is delivered, senders are held
    IMPATIENT = "impatient"  # it has waited: who is far behind follows, or exceeds its limit


class Congestion:
    """The members that are far behind, and the publishers that are held for them."""

    __slots__ = ("_lost_at", "_since", "behind", "held", "state")

    def __init__(self) -> None:
        self.state = Flow.FLOWING
        self.behind: set[Member] = set()
        self.held: set[Publisher] = set()
        self._since: float | None = None  # when a wait was first looked at, in seconds
        self._lost_at = -COOL_DOWN  # when it last lost its patience, in seconds

    @property
    def is_waiting(self) -> bool:
        return self.state is Flow.WAITING

    def is_over(self, receivers: int, only_author: Member | None) -> bool:
        """Whether more than half of the receivers are far behind.

        `only_author` is the member that published all there is to deliver: not a receiver of it.
        """
        behind = len(self.behind)
        if behind and only_author is not None:
            receivers -= 1
            behind -= only_author in self.behind
        return behind * 2 > receivers

    @property
    def times(self) -> tuple[float | None, float]:
        """When a wait was first looked at, and when it last lost its patience, in seconds."""
        return self._since, self._lost_at

    def restore(
        self,
        state: Flow,
        times: tuple[float | None, float],
        behind: set[Member],
        held: set[Publisher],
    ) -> None:
        """Go on in a state that has lasted for some time."""
        self.state, (self._since, self._lost_at) = state, times
        self.behind, self.held = behind, held

    def hold(self, publisher: Publisher) -> None:
        """Make it wait, once, until `go_on`."""
        if publisher not in self.held:
            self.held.add(publisher)
            publisher.hold()

    def wait(self) -> None:
        self.state, self._since = Flow.WAITING, None

    def go_on(self) -> None:
        """The receivers have caught up."""
        self.state = Flow.FLOWING
        self.release()

    def check_patience(self, now: float) -> bool:
        """End a wait that has lasted as long as it may; return whether it has.

        To be asked now and then: its time runs from when it is first asked.
        """
        if not self.is_waiting:
            return False
        if self._since is None:
            self._since = now
        has_lost_it = now - self._lost_at < COOL_DOWN
        if now - self._since < (SHORT_PATIENCE if has_lost_it else PATIENCE):
            return False
        self.state, self._lost_at = Flow.IMPATIENT, now
        self.release()
        return True

    def release(self) -> None:
        """Let those go on who were held."""
        held, self.held = self.held, set()
        for publisher in held:
            publisher.release()
