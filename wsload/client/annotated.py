"""A member's place in a room, as the relay's subprotocol relay.v1 (docs/protocol.md) tells it."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Final

from gevent import wait
from gevent.event import Event

from wsload.client.connection import Connection
from wsload.client.failures import Closed, NoAnswer

PROTOCOL: Final = "relay.v1"
MARK: Final = b"\0"  # what the text of a note begins with
_TIMEOUT = 10.0  # seconds from the handshake to the welcome


@dataclass(slots=True)
class Standing:
    """One session over all its connections. Messages are numbered from 1, in their order."""

    session: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    attempt: int = 0
    cursor: str = ""
    skip: int = 0  # data frames behind the cursor
    acked: int = 0  # messages of its own that the log holds
    gaps: int = 0  # how often the relay no longer held what it had missed
    is_unknown: bool = False  # nobody knows what became of those that were not acknowledged
    is_announced: bool = False  # the next frame is data, whatever it looks like
    welcome: Event = field(default_factory=Event)

    def options(self) -> dict[str, str]:
        """Begin another connection: what its query has to say."""
        self.attempt += 1
        self.is_announced = False
        self.welcome.clear()
        query = {"session": self.session, "attempt": str(self.attempt)}
        if self.cursor:
            query |= {"cursor": self.cursor, "skip": str(self.skip), "acked": str(self.acked)}
        return query

    def wait_for_welcome(self, connection: Connection) -> None:
        """Nothing may be sent before. Raises `Closed` and `NoAnswer`."""
        wait([self.welcome, connection.closed], _TIMEOUT, count=1)
        if self.welcome.is_set():
            return
        if (close := connection.close_seen) is not None:
            raise Closed(f"the connection ended before the welcome of {PROTOCOL}: {close.sentence}")
        raise NoAnswer(f"no welcome of {PROTOCOL} in {_TIMEOUT:g} s")

    def note(self, payload: bytes) -> None:
        """Take a note; `payload` begins with U+0000."""
        note = json.loads(payload[len(MARK) :])
        kind = note["type"]
        if kind == "cursor":
            self.cursor, self.skip = note["cursor"], 0
        elif kind == "ack":
            self.acked = max(self.acked, note["received"])
        elif kind == "data":
            self.is_announced = True
        elif kind == "gap":
            self.cursor, self.skip = note["cursor"], 0
        elif kind == "welcome":
            if note["gap"]:
                self.skip = 0
                self.gaps += 1
            self.cursor = note["cursor"]
            self.is_unknown = note["received"] is None
            if not self.is_unknown:
                self.acked = max(self.acked, note["received"])
            self.welcome.set()
