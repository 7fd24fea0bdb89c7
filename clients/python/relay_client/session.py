"""A session of relay.v1 (docs/protocol.md): it reads frames and keeps its place, and does no I/O.

What it reads it answers with what happened; the client acts on that and tells the application.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay_client.events import Gap, Join, Leave, Members, Message
from relay_client.notes import Stranger, moment, parse
from relay_client.outgoing import Outgoing

MARK: Final = "\0"  # what the text of a note begins with
PING: Final = MARK + '{"type":"ping"}'
ANNOUNCE: Final = MARK + '{"type":"data"}'


@dataclass(frozen=True, slots=True)
class Welcome:
    """The client is in the room."""


@dataclass(frozen=True, slots=True)
class Drain:
    """The relay goes away, and closes the connection after so many seconds."""

    after: float


Happened = Welcome | Drain | Message | Join | Leave | Members | Gap


class Session:
    """What is known of a session; `outgoing` is settled as the relay acknowledges."""

    is_raw = False

    def __init__(self, outgoing: Outgoing) -> None:
        self.members: list[str] | None = None  # None: not known, or too many
        self.count: int | None = None  # None: not known
        self._outgoing = outgoing
        self._id = secrets.token_urlsafe(16)
        self._attempt = 0
        self._cursor: str | None = None
        self._skip = 0  # data frames behind the cursor
        self._acked = 0  # messages of one's own that the log holds
        self._sender: str | None = None  # of the next data frames
        self._at: datetime | None = None
        self._is_announced = False  # the next frame is data, whatever it looks like
        self._is_welcome = False  # on this connection

    def connect(self) -> dict[str, str]:
        """Begin another connection: return what its query has to say."""
        self._attempt += 1
        self._is_announced = self._is_welcome = False
        query = {"session": self._id, "attempt": str(self._attempt)}
        if self._cursor is not None:
            place = {"cursor": self._cursor, "skip": str(self._skip), "acked": str(self._acked)}
            query |= place
        return query

    def frames(self, data: str | bytes) -> list[str | bytes]:
        """Return the frames that carry a message."""
        if isinstance(data, str) and data.startswith(MARK):
            return [ANNOUNCE, data]
        return [data]

    def read(self, frame: str | bytes) -> list[Happened]:
        """Take a frame, and return what it says, in order; raises `Stranger`."""
        if self._is_announced or not isinstance(frame, str) or not frame.startswith(MARK):
            if not self._is_welcome:
                raise Stranger
            self._is_announced = False
            self._skip += 1
            return [Message(frame, self._sender, self._at)]
        return self._note(parse(frame[len(MARK) :]))

    def _note(self, note: dict[str, Any]) -> list[Happened]:
        match note.get("type"):
            case "welcome":
                return self._welcome(note)
            case "from":
                self._sender = note["user"]
                self._at = moment(note["at"])
            case "data":
                self._is_announced = True
            case "cursor":
                self._move(note["cursor"])
            case "ack":
                self._acknowledge(note["received"])
            case "gap":
                self._move(note["cursor"])
                return [Gap(note["missed"])]
            case "join":
                return self._come(note["user"])
            case "leave":
                return self._go(note["user"])
            case "members":
                return self._replace(note)
            case "drain":
                return [Drain(note["retry_after_ms"] / 1000)]
        return []  # a pong is a sign of life, as everything is; others are of a later version

    def _welcome(self, note: dict[str, Any]) -> list[Happened]:
        happened: list[Happened] = []
        self._is_welcome = True
        if note.get("gap"):
            self._skip = 0
            happened.append(Gap(None))
        self._cursor = note["cursor"]
        if note["received"] is None:
            self._outgoing.doubt(
                "the relay no longer knows what it received before the connection broke"
            )
        else:
            self._acknowledge(note["received"])
        self._outgoing.sent = 0  # what is left is sent again
        return [*happened, Welcome(), *self._replace(note)]

    def _move(self, cursor: str) -> None:
        self._cursor, self._skip = cursor, 0

    def _acknowledge(self, received: int) -> None:
        count = min(received - self._acked, len(self._outgoing))
        if count > 0:
            self._outgoing.settle(count)
        self._acked = max(self._acked, received)

    def _come(self, user: str) -> list[Happened]:
        if self.members is not None:
            if user in self.members:
                return []
            self.members.append(user)
        if self.count is not None:
            self.count += 1
        return [Join(user)]

    def _go(self, user: str) -> list[Happened]:
        if self.members is not None:
            if user not in self.members:
                return []
            self.members.remove(user)
        if self.count is not None:
            self.count -= 1
        return [Leave(user)]

    def _replace(self, note: dict[str, Any]) -> list[Happened]:
        """Joins and leaves are derived where both lists are known."""
        before, counted = self.members, self.count
        self.members = now = None if note["members"] is None else list(note["members"])
        self.count = note["count"]
        if note["type"] == "welcome" and counted is None:
            return []  # for the first time: it is there when the client is open
        if note["type"] == "members" or before is None or now is None:
            return [Members(None if now is None else tuple(now), note["count"])]
        gone = [user for user in before if user not in now]
        come = [user for user in now if user not in before]
        return [*map(Leave, gone), *map(Join, come)]


class Raw:
    """The raw protocol, for servers that are no relay: messages as they are, and no promise."""

    is_raw = True
    members: list[str] | None = None
    count: int | None = None

    def connect(self) -> dict[str, str]:
        return {}

    def frames(self, data: str | bytes) -> list[str | bytes]:
        return [data]

    def read(self, frame: str | bytes) -> list[Happened]:
        return [Message(frame)]
