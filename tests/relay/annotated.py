"""A client of `relay.v1` for tests: it reads notes and messages, and keeps its place by the rules.

It follows docs/protocol.md, and is no client for applications: it does not come back by itself.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Self

from websockets.asyncio.client import ClientConnection

from tests.process import Relay
from tests.raw import RawClient

Note = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """A data frame: who sent it, and what it holds."""

    user: str | None
    data: str | bytes


@dataclass
class Place:
    """What a client knows of its session: all that it says when it comes back."""

    session: str
    attempt: int = 0
    cursor: str | None = None
    skip: int = 0
    acked: int = 0
    user: str | None = None  # who the next data frames are from
    is_announced: bool = False  # the next frame is data, whatever it looks like

    def options(self) -> dict[str, Any]:
        """Return the query of the next connection."""
        self.attempt += 1
        options: dict[str, Any] = {"session": self.session, "attempt": self.attempt}
        if self.cursor is not None:
            options |= {"cursor": self.cursor, "skip": self.skip, "acked": self.acked}
        return options

    def take(self, frame: str | bytes) -> Note | Message:
        """Return what a frame says, and count it."""
        if self.is_announced or not isinstance(frame, str) or not frame.startswith("\0"):
            self.is_announced = False
            self.skip += 1
            return Message(self.user, frame)
        note: Note = json.loads(frame[1:])
        kind = note["type"]
        if kind == "welcome":
            self.user, self.is_announced = None, False
            if note["gap"]:
                self.skip = 0
            self.cursor = note["cursor"]
            if note["received"] is not None:
                self.acked = note["received"]
        elif kind == "from":
            self.user = note["user"]
        elif kind == "data":
            self.is_announced = True
        elif kind == "ack":
            self.acked = max(self.acked, note["received"])  # a replay repeats earlier ones
        elif kind in ("cursor", "gap"):
            self.cursor, self.skip = note["cursor"], 0
        return note


@dataclass
class Annotated:
    """One connection of a session, welcomed."""

    socket: ClientConnection
    place: Place
    welcome: Note = field(default_factory=dict)

    @classmethod
    async def connect(
        cls, relay: Relay, user: str, place: Place | None = None, **options: Any
    ) -> Self:
        place = place or Place(f"session-of-{user}")
        query = place.options() | options
        socket = await relay.connect(user, subprotocols=["relay.v1"], **query)
        client = cls(socket, place)
        welcome = await client.read()
        assert isinstance(welcome, dict) and welcome["type"] == "welcome"
        client.welcome = welcome
        return client

    async def read(self) -> Note | Message:
        """Return the next note or message."""
        return self.place.take(await self.socket.recv())

    async def message(self) -> Message:
        """Return the next message; notes before it are counted, and left out."""
        while isinstance(found := await self.read(), dict):
            pass
        return found

    async def messages(self, count: int) -> list[str | bytes]:
        """Return what the next messages hold."""
        return [(await self.message()).data for _ in range(count)]

    async def note(self, *kinds: str) -> Note:
        """Return the next note of one of these types; nothing else may come but from and cursor."""
        while True:
            found = await self.read()
            assert isinstance(found, dict), found
            if found["type"] in kinds:
                return found
            assert found["type"] in ("from", "cursor"), found

    async def say(self, kind: str, **fields: object) -> None:
        """Send a note."""
        await self.socket.send("\0" + json.dumps({"type": kind, **fields}))

    def cut(self) -> None:
        """Lose the connection without a word."""
        self.socket.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.socket.close()


async def open_raw(
    port: int, path: str, extra: bytes = b"", *, receive_buffer: int | None = None
) -> RawClient:
    """Offer relay.v1 on a client that reads when it is told; read nothing but the answer."""
    client = await RawClient.open(port, receive_buffer=receive_buffer)
    await client.send(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: relay.v1\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        + extra
    )
    assert (await client.answer()).startswith(b"HTTP/1.1 101")
    return client
