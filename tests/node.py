"""npm's `ws`, a client that nobody here wrote: `echo.js` joins and sends everything back."""

import asyncio
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "relay" / "sockets" / "node"


@pytest.fixture(scope="session")
def node() -> str:
    """Install npm's `ws` from the lock file; skip where there is no Node, but never in CI."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail("node and npm are missing, and CI has to have them")
        pytest.skip("node or npm is missing: the `ws` client is not tested")
    lock, stamp = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # one of several test processes installs
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            done = subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=False, timeout=120)
            if done.returncode and not os.environ.get("CI"):
                pytest.skip("npm cannot install the `ws` client: it is not tested")
            assert done.returncode == 0
    return "node"


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
