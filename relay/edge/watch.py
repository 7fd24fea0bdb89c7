"""What is measured and counted outside of rooms and connections."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Watch:
    """Counts that only grow, and the latest measurement."""

    loop_delay: float = 0.0  # seconds that the event loop was late at the last beat
    refused: Counter[int] = field(default_factory=Counter)  # by HTTP status
