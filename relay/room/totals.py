"""What the relay has done so far, over all rooms."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Totals:
    """Counters that only grow; counted per batch, never per message."""

    messages: int = 0  # accepted from publishers
    bytes: int = 0  # of their frames
    batches: int = 0
    deliveries: int = 0  # messages handed to members
    delivered_bytes: int = 0
    skipped: int = 0  # messages that a member with lag=skip missed
    waits: int = 0  # times a room made its senders wait

    def take(self, messages: int, size: int) -> None:
        """A batch of so many messages and bytes of frames has been accepted."""
        self.batches += 1
        self.messages += messages
        self.bytes += size

    def snapshot(self) -> dict[str, int]:
        """Return all of them by name."""
        return asdict(self)

    def restore(self, state: dict[str, int]) -> None:
        """Go on with those of another."""
        for name, count in state.items():
            if hasattr(self, name):
                setattr(self, name, getattr(self, name) + count)
