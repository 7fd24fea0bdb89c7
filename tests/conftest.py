"""Fixtures: a relay of one's own, or the one that tests with default settings share."""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from inspect import iscoroutinefunction
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from relay.settings import table
from tests.node import node as node
from tests.process import Relay

# A busy machine is no finding of a property test.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Seconds that a test may take, by what it works with. Each of its waits gives up long before, and
# says for what.
_LIMITS = {
    **dict.fromkeys(("attack", "browser", "clients", "examples"), 300),
    "stack": 600,
    "deploy": 2400,
}

StartRelay = Callable[..., Awaitable[Relay]]

_HERE = Path(__file__).parent
_rooms = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give programs that are not ours the time that a busy machine needs."""
    for item in items:
        part = item.path.relative_to(_HERE).parts[0]
        if part not in _LIMITS:
            continue
        # A signal ends a test that blocks, and what it has started is removed; a task among others
        # goes on, so that only the end of the whole process ends an asynchronous test.
        blocks = isinstance(item, pytest.Function) and not iscoroutinefunction(item.obj)
        method = "signal" if blocks else "thread"
        item.add_marker(pytest.mark.timeout(_LIMITS[part], method=method))


@pytest_asyncio.fixture
async def start_relay() -> AsyncIterator[StartRelay]:
    """Return a function that starts a relay with settings; all are killed in the end."""
    async with AsyncExitStack() as stack:

        async def start(*, memory: int | None = None, **env: str) -> Relay:
            relay = await Relay.start(memory=memory, **env)
            stack.push_async_callback(relay.kill)
            return relay

        yield start


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_relay() -> AsyncIterator[Relay]:
    relay = await Relay.start(LOG_LEVEL="info")
    yield relay
    await relay.kill()


@pytest.fixture
def relay(shared_relay: Relay) -> Relay:
    """A relay with default settings, shared: use `room` to be alone in it."""
    return shared_relay


@pytest.fixture
def room() -> str:
    """The name of a room that no other test uses."""
    return f"room-{os.getpid()}-{next(_rooms)}"


@pytest.fixture
def port() -> Iterator[str]:
    """The number of a port for a relay that goes and comes back: nobody else gets it meanwhile.

    Linux lets two sockets have an address if both ask for it and the first does not listen.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield str(keeper.getsockname()[1])


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see defaults, whatever the shell that runs them has set."""
    for name, _, _ in table():
        monkeypatch.delenv(name, raising=False)
