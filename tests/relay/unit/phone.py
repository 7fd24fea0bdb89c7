"""A client of `relay.v1` at the end of two wires, and what its application is told."""

import json

from relay.edge.connection import Connection
from relay.wire.frames import ends
from tests.raw import encode
from tests.relay.reference import Client
from tests.relay.unit.moving import Wire
from tests.relay.unit.people import payload


class Phone:
    """One client, and the two directions of its connection."""

    def __init__(self, name: str, *, echo: bool = False, skips: bool = False) -> None:
        self.name = name
        self.client = Client(f"session-of-{name}")
        self.echo = echo
        self.skips = skips
        self.history = 0
        self.connection: Connection | None = None
        self.wire = Wire()
        self.up = b""  # sent, and not read by the relay yet
        self.down = 0  # bytes of what the relay has written that the client has taken
        self.part = b""  # of a frame that is not whole
        self.said = 0
        self.got: list[str] = []
        self.gaps: dict[int, int | None] = {}  # how much had been received: how much was missed
        self.acknowledged: set[str] = set()
        self.unknown: set[str] = set()
        self.here: set[str] | None = None  # who is in the room; None: too many

    def say(self) -> None:
        self.said += 1
        word = f"{self.name}:{self.said}"
        mark = "\0" if self.said % 3 == 0 else ""  # looks like a note
        self.client.send(1 + self.said % 2, (mark + word).encode())
        self.send()

    def send(self) -> None:
        """Put what the client has to send on its way."""
        if self.connection is not None:
            self.up += b"".join(encode(*frame) for frame in self.client.frames)
            self.client.frames.clear()

    def take(self, size: int) -> None:
        """Let so many bytes from the relay arrive."""
        if self.connection is None:
            return
        self.part += self.wire.taken[self.down : self.down + size]
        self.down = min(len(self.wire.taken), self.down + size)
        while (end := _end_of_first(self.part)) is not None:
            frame, self.part = self.part[:end], self.part[end:]
            if frame[0] & 15 == 8:
                self.client.close(int.from_bytes(payload(frame)[:2], "big"))
                self.connection = None
                return
            self._receive(frame[0] & 15, payload(frame))
        self.send()

    def _receive(self, opcode: int, data: bytes) -> None:
        is_note = opcode == 1 and data[:1] == b"\0" and not self.client.is_announced
        self.client.receive(opcode, data)
        if is_note:
            note = json.loads(data[1:])
            if "members" in note:
                self.here = None if note["members"] is None else set(note["members"])
        for told in self.client.told:
            kind = told["type"]
            if kind == "message":
                word = word_of(told["data"][1])
                assert told["from"] == word.partition(":")[0]
                self.got.append(word)
            elif kind == "gap":
                earlier, missed = self.gaps.get(len(self.got), 0), told["missed"]
                known = earlier is not None and missed is not None
                self.gaps[len(self.got)] = earlier + missed if known else None
            elif kind == "acknowledged":
                self.acknowledged.add(word_of(told["data"][1]))
            elif kind == "unknown":
                self.unknown.add(word_of(told["data"][1]))
            elif kind == "join" and self.here is not None:
                self.here.add(told["user"])
            elif kind == "leave" and self.here is not None:
                self.here.discard(told["user"])
        self.client.told.clear()


def word_of(data: bytes) -> str:
    return data.decode().strip("\0.")


def _end_of_first(data: bytes) -> int | None:
    """Return where the first frame ends; None if it is not whole."""
    if len(data) < 2 or len(data) < {126: 4, 127: 10}.get(data[1], 2):
        return None
    end = next(ends(data[:10] + bytes(10)))
    return end if end <= len(data) else None
