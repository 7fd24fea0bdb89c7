"""The account of memory: bytes that the relay holds for others, each thing counted once."""

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """Changed by whoever takes or gives back; in bytes, over all rooms and connections."""

    unfinished: int = 0  # received of messages that have not ended
    batches: int = 0  # published, and still pending, in a log, in a backlog or on its way
