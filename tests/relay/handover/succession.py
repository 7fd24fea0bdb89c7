"""Relays that take over from each other, one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from tests.process import Relay


class Succession:
    """The relay that serves is `relays[-1]`; `settings` are those of all of them."""

    def __init__(self, folder: Path, module: str, settings: dict[str, str]) -> None:
        self._module = module
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

    async def next(self, *, module: str = "", **settings: str) -> Relay:
        """Start a relay that takes over from the one that serves, if there is one."""
        port = {"PORT": str(self.relay.port)} if self.relays else {}
        env: dict[str, Any] = {**port, **self.settings, **settings}
        self.relays.append(await Relay.start(module=module or self._module, **env))
        return self.relay

    def unix(self, user: str, **options: Any) -> connect:
        """Open a WebSocket on the Unix socket."""
        url = self.relay.url(user, **options)
        opened: connect = unix_connect(
            self.listen, url, max_size=None, compression=None, ping_interval=None
        )
        return opened

    async def kill(self) -> None:
        await asyncio.gather(*(relay.kill() for relay in self.relays))


@asynccontextmanager
async def succession(
    folder: Path, *, module: str = "relay", **settings: str
) -> AsyncIterator[Succession]:
    """Give a first relay, and end all in the end."""
    relays = Succession(folder, module, settings)
    try:
        await relays.next()
        yield relays
    finally:
        await relays.kill()


async def say_and_hear(speaker: ClientConnection, hearer: ClientConnection, text: str) -> None:
    """Have one client hear what the other says, and nothing else."""
    await speaker.send(text)
    assert await hearer.recv() == text
