"""Relays that take over from each other, one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, unix_connect

from tests.process import Relay


class Succession:
    """The relay that serves is `relays[-1]`; `settings` are those of all of them."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.listen = str(folder / "relay.sock")
        self.handover = str(folder / "handover.sock")
        self.relays: list[Relay] = []
        self.settings = {
            "LISTEN_SOCKET": self.listen,
            "HANDOVER_SOCKET": self.handover,
            **settings,
        }

    @property
    def relay(self) -> Relay:
        return self.relays[-1]

    async def next(self, **settings: str) -> Relay:
        """Start a relay that takes over from the one that serves, if there is one."""
        port = {"PORT": str(self.relay.port)} if self.relays else {}
        self.relays.append(await Relay.start(**{**port, **self.settings, **settings}))
        return self.relay

    def unix(self, user: str, **options: Any) -> unix_connect:
        """Open a WebSocket on the Unix socket."""
        url = self.relay.url(user, **options)
        return unix_connect(self.listen, url, max_size=None, compression=None, ping_interval=None)

    async def kill(self) -> None:
        await asyncio.gather(*(relay.kill() for relay in self.relays))


@asynccontextmanager
async def succession(folder: Path, **settings: str) -> AsyncIterator[Succession]:
    """Give a first relay, and end all in the end."""
    relays = Succession(folder, settings)
    try:
        await relays.next()
        yield relays
    finally:
        await relays.kill()


async def say_and_hear(speaker: ClientConnection, hearer: ClientConnection, text: str) -> None:
    """Have one client hear what the other says, and nothing else."""
    await speaker.send(text)
    assert await hearer.recv() == text
