"""Both clients follow the scripts of tests/vectors/client.json, over real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.clients.member import Member, node_member, python_member, until
from tests.clients.vectors import SCRIPTS, Stage

Make = Callable[[str], AbstractAsyncContextManager[Member]]


class _Actor:
    def __init__(self, member: Member) -> None:
        self._member = member

    async def send(self, text: str) -> None:
        await self._member.send(text)

    async def told(self) -> dict[str, Any]:
        return await self._member.told.get()

    async def away(self) -> None:
        await until(self._member.states, lambda state: state == "waiting")

    async def ended(self) -> None:
        await until(self._member.states, lambda state: state == "closed")


@pytest.fixture(params=["python", "node"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Return a function that makes alice, in the room den."""
    if request.param == "python":
        yield lambda url: python_member(url, "alice", "den")
    else:
        node: str = request.getfixturevalue("node")
        yield lambda url: node_member(node, url, "alice", "den")


@pytest.mark.parametrize("script", SCRIPTS, ids=[script["title"] for script in SCRIPTS])
async def test_client_follows_the_script(make: Make, script: dict[str, Any]) -> None:
    """As docs/protocol.md says it; each script has a title of its own."""
    async with Stage.open() as stage, make(f"http://127.0.0.1:{stage.port}") as member:
        await stage.play(script, _Actor(member))
        if script["steps"][-1]["step"] != "ends":
            while not member.told.empty():
                assert member.told.get_nowait()["type"] == "unknown"
