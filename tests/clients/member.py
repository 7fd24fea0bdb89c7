"""A member of a room that tests tell what to do: a client in this process, or in Node."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from relay_client import (
    Event,
    Gap,
    Join,
    Leave,
    Members,
    Message,
    RelayClient,
    State,
    StateChange,
    Undelivered,
)

_HERE = Path(__file__).parent

Told = dict[str, Any]
"""What an application is told, as the test vectors write it; states as `{"type": "state"}`."""


class Member(Protocol):
    """`told` has everything in order; `states` only the names of states."""

    told: asyncio.Queue[Told]
    states: asyncio.Queue[str]

    async def send(self, text: str) -> None:
        """Have it send this text."""


class PythonMember:
    """relay_client."""

    def __init__(self, client: RelayClient) -> None:
        self.client = client
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.states: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, text: str) -> None:
        def settled(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            assert error is None or isinstance(error, Undelivered)
            fate = "acknowledged" if error is None else error.fate.value
            self.told.put_nowait({"type": fate, "text": text})

        self.client.send(text).add_done_callback(settled)

    async def listen(self) -> None:
        async for event in self.client.events():
            if isinstance(event, StateChange):
                self.states.put_nowait(event.state.value)
            else:
                self.told.put_nowait(_as_vector(event))


def _as_vector(event: Event) -> Told:
    match event:
        case Message(str() as text, sender):
            return {"type": "message", "text": text, "from": sender}
        case Message(data, sender):
            assert isinstance(data, bytes)
            return {"type": "message", "base64": base64.b64encode(data).decode(), "from": sender}
        case Join(user):
            return {"type": "join", "user": user}
        case Leave(user):
            return {"type": "leave", "user": user}
        case Members(members, count):
            listed = None if members is None else list(members)
            return {"type": "members", "members": listed, "count": count}
        case Gap(missed):
            return {"type": "gap", "missed": missed}
        case _:
            raise AssertionError(event)


class NodeMember:
    """relay-client.js in a process of its own, by lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.states: asyncio.Queue[str] = asyncio.Queue()
        self._process = process

    async def send(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(text).encode() + b"\n")
        await self._process.stdin.drain()

    async def listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            if event["type"] == "state":
                self.states.put_nowait(event["state"])
            else:
                self.told.put_nowait(event)


@asynccontextmanager
async def python_member(url: str, user: str, room: str) -> AsyncIterator[PythonMember]:
    member = PythonMember(RelayClient(url, room=room, user=user))
    listen_task = asyncio.create_task(member.listen())
    member.client.start()
    try:
        yield member
    finally:
        if member.client.state is not State.CLOSED:
            await member.client.close()
        await listen_task


@asynccontextmanager
async def node_member(node: str, url: str, user: str, room: str) -> AsyncIterator[NodeMember]:
    process = await asyncio.create_subprocess_exec(
        *(node, "--experimental-websocket", "--no-warnings", str(_HERE / "member.mjs")),
        *(url, user, room),
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    member = NodeMember(process)
    listen_task = asyncio.create_task(member.listen())
    try:
        yield member
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listen_task


async def until(states: "asyncio.Queue[str]", wanted: Callable[[str], bool]) -> None:
    """Wait until the client is in such a state."""
    while not wanted(await states.get()):
        pass
