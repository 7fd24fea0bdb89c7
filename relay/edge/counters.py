"""What is measured and counted outside of rooms and connections."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Handover:
    """The last time that another process handed over to this one."""

    at: float  # Unix time, seconds
    predecessor: str  # its commit
    connections: int
    frozen: float  # seconds in which nobody served


@dataclass(slots=True)
class Counters:
    """Counts that only grow, over all processes that have served one after the other."""

    loop_delay: float = 0.0  # seconds that the event loop was late at the last beat
    refused: Counter[int] = field(default_factory=Counter)  # by HTTP status
    handovers: int = 0
    is_forwarding_unreadable: bool = False  # a proxy wrote what is no address, and it was told
    handover: Handover | None = None
    serving_since: float = field(default_factory=time.time)  # Unix time, seconds

    def snapshot(self) -> dict[str, Any]:
        """Return what goes on in a successor, as JSON can hold it."""
        return {
            "refused": list(self.refused.items()),
            "handovers": self.handovers,
            "serving_since": self.serving_since,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the counts of another."""
        self.refused.update(dict(state["refused"]))
        self.handovers += state["handovers"]
        self.serving_since = state["serving_since"]
