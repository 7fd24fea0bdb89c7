"""The relay's side of the scripts in tests/vectors/client.json: a server that follows one."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

SCRIPTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "client.json").read_text()
)["scripts"]

_PING = '\0{"type":"ping"}'

_Frames = asyncio.Queue[str | bytes]


class Actor(Protocol):
    """A client under test, and the application that has it."""

    async def send(self, text: str) -> None:
        """The application sends this text."""

    async def told(self) -> dict[str, Any]:
        """Return what the application is told next, as the vectors write it."""

    async def away(self) -> None:
        """Wait until the client knows that its connection is over."""

    async def ended(self) -> None:
        """Wait until the client is closed for good."""


class Stage:
    """A server that is no relay: the script says what it does."""

    def __init__(self) -> None:
        self._arrivals: asyncio.Queue[tuple[ServerConnection, _Frames]] = asyncio.Queue()
        self._frames: _Frames = asyncio.Queue()  # of the connection that there is
        self._session = ""
        self._socket: ServerConnection | None = None
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Stage"]:
        stage = cls()
        protocols = [Subprotocol("relay.v1")]
        async with serve(stage._arrive, "127.0.0.1", 0, subprotocols=protocols) as server:
            stage.port = server.sockets[0].getsockname()[1]
            yield stage

    async def _arrive(self, socket: ServerConnection) -> None:
        frames: _Frames = asyncio.Queue()
        self._arrivals.put_nowait((socket, frames))
        try:
            async for frame in socket:
                if frame != _PING:
                    frames.put_nowait(frame)
        except ConnectionClosed:
            pass

    async def play(self, script: dict[str, Any], actor: Actor) -> None:
        """Follow the script; the client has to do its part."""
        for kind, steps in groupby(script["steps"], lambda step: str(step["step"])):
            if kind == "tells":
                # Events and promises reach an application by different ways.
                expected = [step["event"] for step in steps]
                told = [await actor.told() for _ in expected]
                assert sorted(told, key=_kind) == sorted(expected, key=_kind)
                continue
            for step in steps:
                await self._step(step, actor)
        assert self._frames.empty()
        assert self._arrivals.empty()

    async def _step(self, step: dict[str, Any], actor: Actor) -> None:
        match step["step"]:
            case "connects":
                assert self._frames.empty()
                self._socket, self._frames = await self._arrivals.get()
                assert self._socket.subprotocol == "relay.v1"
                assert self._socket.request is not None
                query = parse_qs(urlsplit(self._socket.request.path).query)
                assert set(query) <= {"room", "session", "attempt", "cursor", "skip", "acked"}
                self._session = self._session or query["session"][0]
                wanted = {name: [value] for name, value in step["query"].items()}
                assert query == wanted | {"room": ["den"], "session": [self._session]}
            case "relay":
                assert self._socket is not None
                await self._socket.send(self._frame(step))
            case "client":
                assert await self._frames.get() == self._frame(step)
            case "silence":
                assert self._frames.empty()
            case "application":
                await actor.send(str(self._frame(step)))
            case "lost":
                assert self._socket is not None
                await (await self._socket.ping())  # it has read everything before
                self._socket.transport.abort()
                await actor.away()
                self._frames = asyncio.Queue()  # what it had sent is gone
            case "closed":
                assert self._socket is not None
                await self._socket.close(step["code"])
            case "ends":
                await actor.ended()
            case other:
                raise AssertionError(other)

    def _frame(self, step: dict[str, Any]) -> str | bytes:
        if "text" in step:
            return str(step["text"]).replace("SESSION", self._session)
        return base64.b64decode(step["base64"])


def _kind(event: dict[str, Any]) -> str:
    return str(event["type"])
