"""A client of `relay.v1` as docs/protocol.md describes it, without a connection: the reference.

It is told what happens, and answers what follows: frames to send, and what its application is told.
"""

import json
from dataclasses import dataclass, field
from typing import Any

TEXT, BINARY = 1, 2
# What a note has, and of which type; whoever sends another is no relay.
FIELDS: dict[object, dict[str, Any]] = {
    "welcome": {"cursor": str, "received": int | None, "gap": bool},
    "from": {"user": str | None},
    "cursor": {"cursor": str},
    "ack": {"received": int},
    "gap": {"cursor": str, "missed": int},
    "drain": {"retry_after_ms": int},
}
TERMINAL = {1000, 1002, 1007, 1008, 1009, 4000, 4401, 4403}

Frame = tuple[int, bytes]  # opcode and payload
Told = dict[str, Any]  # what the application is told


@dataclass
class Client:
    """One session. `frames` are to be sent, in this order; `told` has not been read yet."""

    session: str
    attempt: int = 0
    cursor: str | None = None
    skip: int = 0
    acked: int = 0
    is_welcome: bool = False
    is_closed: bool = False
    frames: list[Frame] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    waiting: list[Frame] = field(default_factory=list)  # not acknowledged; the first is acked + 1
    sent: int = 0  # so many of them have been sent on this connection, or may have been on another
    user: str | None = None  # who the next data frames are from
    is_announced: bool = False  # the next frame is data, whatever it looks like
    retry_after_ms: int | None = None

    def connect(self) -> dict[str, Any]:
        """Return the query of the next connection."""
        self.attempt += 1
        self.is_announced = False
        query: dict[str, Any] = {"session": self.session, "attempt": self.attempt}
        if self.cursor is not None:
            query |= {"cursor": self.cursor, "skip": self.skip, "acked": self.acked}
        return query

    def send(self, opcode: int, payload: bytes) -> None:
        """The application sends a message."""
        self.waiting.append((opcode, payload))
        if self.is_welcome:
            self._write(opcode, payload)
            self.sent += 1

    def receive(self, opcode: int, payload: bytes) -> None:
        """A frame has come from the relay."""
        if self.is_announced or opcode == BINARY or payload[:1] != b"\0":
            self.is_announced = False
            self.skip += 1
            self.told.append({"type": "message", "data": (opcode, payload), "from": self.user})
            return
        note = json.loads(payload[1:])
        if not _is_whole(note):
            self.close(1002)
            return
        kind = note["type"]
        if kind == "welcome":
            self._welcome(note)
        elif kind == "from":
            self.user = note["user"]
        elif kind == "data":
            self.is_announced = True
        elif kind == "cursor":
            self.cursor, self.skip = note["cursor"], 0
        elif kind == "ack":
            self._acknowledge(note["received"])
        elif kind == "gap":
            self.cursor, self.skip = note["cursor"], 0
            self.told.append({"type": "gap", "missed": note["missed"]})
        elif kind == "drain":
            self.retry_after_ms = note["retry_after_ms"]
        elif kind in ("join", "leave", "members"):
            self.told.append(note)

    def lose(self) -> None:
        """The connection has ended without a close frame, or with a code that is not terminal."""
        self.is_welcome = False
        self.frames.clear()

    def close(self, code: int) -> None:
        """A close frame has come."""
        self.lose()
        if code in TERMINAL:
            self.is_closed = True
            self._give_up(len(self.waiting))

    def _welcome(self, note: dict[str, Any]) -> None:
        self.is_welcome = True
        self.cursor = note["cursor"]
        if note["gap"]:
            self.skip = 0
            self.told.append({"type": "gap", "missed": None})
        if note["received"] is None:
            self._give_up(self.sent)
        else:
            self._acknowledge(note["received"])
        for frame in self.waiting:
            self._write(*frame)
        self.sent = len(self.waiting)

    def _acknowledge(self, received: int) -> None:
        """The first messages are in the log."""
        while self.acked < received and self.waiting:
            self.acked += 1
            self.sent = max(0, self.sent - 1)
            self.told.append({"type": "acknowledged", "data": self.waiting.pop(0)})
        self.acked = max(self.acked, received)

    def _give_up(self, count: int) -> None:
        """Nobody knows what became of the first messages, which may have been sent."""
        for frame in self.waiting[:count]:
            self.told.append({"type": "unknown", "data": frame})
        del self.waiting[:count]
        self.sent = 0

    def _write(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT and payload[:1] == b"\0":
            self.frames.append((TEXT, b'\0{"type":"data"}'))
        self.frames.append((opcode, payload))


def _is_whole(note: Any) -> bool:
    if not isinstance(note, dict):
        return False
    fields = FIELDS.get(note.get("type"), {})
    return all(name in note and isinstance(note[name], each) for name, each in fields.items())
