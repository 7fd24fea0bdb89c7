"""The object that has all logs of this relay, as one of them sees it."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from nats.aio.msg import Msg

from relay.edge.nats.link import Link
from relay.edge.nats.stream import EntryStream
from relay.names import RoomName


class LogOwner(Protocol):
    """What a log needs of the others."""

    link: Link
    stream: EntryStream

    def start_following(self, room: RoomName) -> None:
        """Open the log, if nobody has begun to."""

    def lose(self, room: RoomName, why: str) -> None:
        """The log cannot go on: the members of the room are closed, and have to reconnect."""

    def forget(self, room: RoomName, log: object) -> None:
        """The log is closed."""

    def expect(self, handle: Callable[[Msg], None]) -> str:
        """Return where an answer is to go that is handled once."""

    def ask_for_place(self, room: RoomName, relay: str, sequence: int) -> None:
        """Tell a relay that we were too late for a place that is its own, and need the next."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for; NATS may be away meanwhile."""

    def note_foreign(self, subject: str, problem: str) -> None:
        """A message in a room's subject is no entry of ours."""

    def note_stale(self) -> None:
        """An entry was given a place behind another one than it was appended to."""

    def note_refused(self, problem: str) -> None:
        """The stream does not take a batch."""

    def note_relay(self, relay: str) -> None:
        """This relay has appended something."""

    def note_latency(self, seconds: float) -> None:
        """An append has taken so long."""
