"""A batch: what was published to one room in one pass of the event loop, joined into one buffer."""

from typing import Final, NamedTuple, Protocol

from relay.names import UserName

MAX_BATCH: Final = 256 * 1024  # bytes; a batch ends here or after one message, whichever is more


class Sender(Protocol):
    """Whoever published a run, and has to be told to wait."""

    @property
    def user(self) -> UserName:
        """Its name; unique among the members of a room."""

    @property
    def echo(self) -> bool:
        """Whether it receives what it sends."""

    @property
    def congested(self) -> bool:
        """Whether it has fallen so far behind as a receiver that its room should wait."""

    def hold(self) -> None:
        """Publish nothing more until `release`."""

    def release(self) -> None:
        """Go on publishing."""

    def relayed(self, size: int) -> None:
        """`size` bytes of frames from this sender have been handed to their receivers."""


class Run(NamedTuple):
    """Frames of one sender that follow each other: so many messages."""

    sender: Sender
    data: bytes
    messages: int


class Batch:
    """Runs, joined: whole frames of so many `messages`; `own` says which bytes are whose."""

    __slots__ = ("data", "messages", "own")

    def __init__(self, runs: list[Run]) -> None:
        self.messages = 0
        self.own: dict[Sender, list[tuple[int, int, int]]] = {}  # start, end, messages
        if len(runs) == 1:  # the common case costs no copy
            sender, self.data, self.messages = runs[0]
            self.own[sender] = [(0, len(self.data), self.messages)]
            return
        self.data = b"".join([run.data for run in runs])
        start = 0
        for sender, data, count in runs:
            end = start + len(data)
            self.own.setdefault(sender, []).append((start, end, count))
            self.messages += count
            start = end

    def without(self, sender: Sender) -> tuple[bytes, int]:
        """Return the frames that others published, and how many messages they are."""
        view, pieces, position, count = memoryview(self.data), [], 0, self.messages
        for start, end, own in self.own[sender]:
            pieces.append(view[position:start])
            position = end
            count -= own
        pieces.append(view[position:])
        return b"".join(pieces), count
