"""How far a switch has got, and what it is told: what the host and who asks it have in common."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

ANY = "any"  # put it live whatever release serves


class State(StrEnum):
    """Of one release's switch. Some come with words: which release it is about, or the reason."""

    WAITING = "waiting"  # for the lock of the host
    SWITCHING = "switching"  # the new relay is started beside the old one, and takes over
    SERVING = "serving"  # the new one does; a verdict is waited for
    RETURNING = "returning"  # the release before is started again, and takes over in its turn
    KEPT = "kept"
    RETURNED = "returned"  # words: the release that serves again
    STAYS = "stays"  # it is bad and serves; words: why there is no going back
    MOVED = "moved"  # another deploy was first; words: the release that it put live
    FAILED = "failed"  # the old release serves on; words: the reason

    @property
    def is_final(self) -> bool:
        return not _NEXT[self]


_NEXT = {
    State.WAITING: (State.SWITCHING, State.FAILED),
    State.SWITCHING: (State.SERVING, State.RETURNING, State.STAYS, State.MOVED, State.FAILED),
    State.SERVING: (State.KEPT, State.RETURNING, State.STAYS),
    State.RETURNING: (State.RETURNED, State.STAYS),
    State.KEPT: (),
    State.RETURNED: (),
    State.STAYS: (),
    State.MOVED: (),
    State.FAILED: (),
}


class Verdict(StrEnum):
    """What the deploying machine saw through the public address."""

    KEEP = "keep"
    BACK = "back"


@dataclass(frozen=True)
class Progress:
    """A state with its words, as one line."""

    state: State
    words: str = ""

    @classmethod
    def parse(cls, line: str) -> Self:
        state, _, words = line.strip().partition(" ")
        return cls(State(state), words)

    def __str__(self) -> str:
        return f"{self.state} {self.words}".rstrip()

    def may_become(self, state: State) -> bool:
        return state in _NEXT[self.state]


@dataclass(frozen=True)
class Report:
    """What `progress` says last: how far, and whether there is still a program behind it."""

    progress: Progress
    is_alive: bool

    @classmethod
    def parse(cls, line: str) -> Self:
        alive, _, rest = line.partition(" ")
        return cls(Progress.parse(rest), alive == "alive")

    def __str__(self) -> str:
        return f"{'alive' if self.is_alive else 'gone'} {self.progress}"
