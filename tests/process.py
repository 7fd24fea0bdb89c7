"""A relay as its user runs it: a process of its own, on a free port."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).parent.parent
_MODULE = os.environ.get("RELAY_MODULE", "relay")  # which one to test
_LISTENS = re.compile(r"listens on http://\S+:(\d+)")


class NotStarted(AssertionError):
    """It has ended before it listened, with this exit code and log."""

    def __init__(self, code: int, log: list[str]) -> None:
        super().__init__("relay did not start:\n" + "\n".join(log))
        self.code = code
        self.log = log


class Relay:
    """`python -m relay` with settings from `env`; its log is in `log`, line by line."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: list[str]) -> None:
        self.process = process
        self.host = "127.0.0.1"
        self.port = port
        self.log = log
        self._reader_task = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        *,
        memory: int | None = None,
        module: str = _MODULE,
        within: Sequence[str] = (),
        **env: str,
    ) -> "Relay":
        """Start it, with at most `memory` bytes of address space, and wait until it listens.

        `within` is a command that runs another one, as `prlimit` does.
        """
        limit = ("prlimit", f"--as={memory}") if memory is not None else ()
        process = await asyncio.create_subprocess_exec(
            *(*within, *limit, sys.executable, "-m", module),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PORT": "0", "LISTEN_ADDRESS": "127.0.0.1", **env},
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        log: list[str] = []
        while line := (await process.stderr.readline()).decode():
            log.append(line.rstrip())
            if found := _LISTENS.search(line):
                return cls(process, int(found[1]), log)
        raise NotStarted(await process.wait(), log)

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            self.log.append(line.rstrip())

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    def url(self, user: str, **options: Any) -> str:
        query = f"?{urlencode(options)}" if options else ""
        return f"ws://{self.host}:{self.port}/ws/{quote(user, safe='')}{query}"

    def connect(
        self,
        user: str,
        *,
        headers: dict[str, str] | None = None,
        subprotocols: Any = (),
        **options: Any,
    ) -> connect:
        """Open a WebSocket with a client that nobody here wrote."""
        return connect(
            self.url(user, **options),
            additional_headers=headers,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=None,
            compression=None,
            ping_interval=None,
            open_timeout=60,  # seconds: a busy machine may need some of them
            proxy=None,
        )

    async def get(self, path: str, **request: Any) -> tuple[int, Any]:
        return await self.request("GET", path, **request)

    async def request(self, method: str, path: str, **request: Any) -> tuple[int, Any]:
        """Return status and JSON body of an answer."""
        async with aiohttp.request(method, self.http + path, **request) as answer:
            return answer.status, await answer.json()

    async def metric(self, name: str) -> float:
        """Return the value of one of the relay's metrics, as Prometheus would read it."""
        async with aiohttp.request("GET", self.http + "/metrics") as answer:
            for line in (await answer.text()).splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    async def logged(self, text: str) -> str:
        """Wait until a line of the log contains `text`; return it."""
        while True:
            for line in self.log:
                if text in line:
                    return line
            await asyncio.sleep(0.01)

    async def count(self, room: str, expected: int) -> None:
        """Wait until so many members are in the room."""
        while (await self.get(f"/rooms/{quote(room, safe='')}"))[1]["count"] != expected:
            await asyncio.sleep(0.01)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await self.process.wait()
        await self._reader_task
        return code

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reader_task
        assert not [line for line in self.log if "Traceback" in line], self.log


async def drop(client: ClientConnection) -> None:
    """Cut a client off without a close frame."""
    client.transport.abort()
    await client.wait_closed()
