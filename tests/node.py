"""npm's `ws`, a client that nobody here wrote: `echo.js` joins and sends everything back."""

import asyncio
import os
from pathlib import Path

import pytest

from tests import npm

FOLDER = Path(__file__).parent / "relay" / "sockets" / "node"


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node's path, once npm's `ws` is installed for it."""
    return npm.require(FOLDER)


class Echo:
    """`node echo.js URL`, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, node: str, url: str, **env: str) -> "Echo":
        """Start it; `env` is added to this process's environment."""
        return cls(
            await asyncio.create_subprocess_exec(
                *(node, "echo.js", url),
                cwd=FOLDER,
                env={**os.environ, **env},
                stdout=asyncio.subprocess.PIPE,
            )
        )

    async def line(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    async def wait(self) -> int:
        return await self._process.wait()
