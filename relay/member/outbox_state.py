"""What there is to know of an outbox, so that it can be moved."""

from dataclasses import dataclass

from relay.room.log import Entry


@dataclass(frozen=True, slots=True)
class OutboxState:
    """All that there is to know of an outbox, as values.

    `sending` is what was handed over last: whole entries (without the first `sending_skip`
    messages), or bytes of no entry; its last `unsent` bytes are not with the kernel yet.
    """

    queue: tuple[Entry, ...] = ()  # what waits, history first
    history: int = 0  # entries of it that are history
    skip: int = 0  # messages of its first entry that are not for this client
    sending: tuple[Entry, ...] | bytes = ()
    sending_skip: int = 0
    unsent: int = 0
    control: bytes = b""  # ping and pong frames that wait for the next border between entries
    last: bytes | None = None  # the frame that ends it, behind everything
    is_open: bool = True  # takes entries
    taken: int = 0  # bytes that the kernel has taken, in all
    left_out: tuple[tuple[int, int, int, bool], ...] = ()  # `LeftOut` of an annotated client
