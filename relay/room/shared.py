"""What all rooms of a relay share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from relay.account import Account
from relay.room.totals import Totals


class Patient(Protocol):
    """A room that waits, or has waited, for its receivers."""

    def check_patience(self, now: float) -> None:
        """End what has lasted long enough; `now` in seconds."""


class InGrace(Protocol):
    """A room that somebody has left who may come back."""

    def end_graces(self, now: float) -> None:
        """Tell who has not come back in time; `now` in seconds."""


@dataclass(slots=True)
class Shared:
    """Handed to every room when it is opened."""

    relay: str  # its name among all relays
    schedule: Callable[[Callable[[], None]], object]
    account: Account = field(default_factory=Account)
    totals: Totals = field(default_factory=Totals)
    clock: Callable[[], float] = monotonic  # seconds
    congested: set[Patient] = field(default_factory=set)  # whose patience is to be checked
    in_grace: set[InGrace] = field(default_factory=set)  # whose graces are to be ended
    leave_grace: float = 5.0  # seconds in which who comes back has never left
    session_age: float = 120.0  # seconds for which a session that is gone is remembered
