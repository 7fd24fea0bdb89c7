"""Handing over under load: how long nobody is served, and what both processes need meanwhile.

`python -m bench.handover` has members on the Unix socket, 100 of them busy (10 of these send ten
messages a second), through handovers in a row. Every message is checked: once, and in order.
"""

import argparse
import asyncio
import base64
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from bench.server import ROOT, resident

_BUSY: Final = 100
_SENDERS: Final = 10
_PERIOD: Final = 0.1  # seconds between two messages of a sender
_MASK: Final = b"\0\0\0\0"  # a mask that changes nothing
_SIZE: Final = 6  # bytes of a message: sender, and number
_FRAME: Final = 2 + _SIZE
_STEP: Final = 200  # connections opened at a time


class Member(asyncio.Protocol):
    """A client; what it hears is checked, and the longest silence noted."""

    def __init__(self, name: str, room: str) -> None:
        self.joined = asyncio.get_running_loop().create_future()
        self.heard: dict[int, int] = defaultdict(int)
        self.silence = 0.0  # seconds
        self.is_exact = True
        self.is_closed = False
        self._path = f"/ws/{name}?room={room}"
        self._data = b""
        self._last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def say(self, sender: int, number: int) -> None:
        payload = sender.to_bytes(2, "big") + number.to_bytes(4, "big")
        self._transport.write(bytes((0x82, 0x80 | _SIZE)) + _MASK + payload)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.joined.done():
            head, found, self._data = self._data.partition(b"\r\n\r\n")
            if not found:
                self._data = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.joined.set_result(None)
            self._last = time.monotonic()
        data, at = self._data, 0
        while len(data) - at >= 2:
            size = 2 + (data[at + 1] & 0x7F)
            if len(data) - at < size:
                break
            if data[at] == 0x82:
                self._hear(data[at + 2 : at + size])
            elif data[at] == 0x89:  # a ping
                self._transport.write(b"\x8a\x80" + _MASK)
            at += size
        self._data = data[at:]

    def _hear(self, payload: bytes) -> None:
        sender, number = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:], "big")
        self.is_exact &= number == self.heard[sender] + 1
        self.heard[sender] = number
        now = time.monotonic()
        self.silence, self._last = max(self.silence, now - self._last), now

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True


async def _start(folder: str, number: int) -> asyncio.subprocess.Process:
    """Start a relay, and wait until it serves."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay"),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "LISTEN_ADDRESS": "127.0.0.1",
            "LISTEN_SOCKET": f"{folder}/relay.sock",
            "HANDOVER_SOCKET": f"{folder}/handover.sock",
            "MAX_CONNECTIONS": "100000",
            "RELEASE_COMMIT": str(number),
            "LOG_LEVEL": "warning",
        },
    )
    connector = aiohttp.UnixConnector(f"{folder}/relay.sock")
    async with aiohttp.ClientSession(connector=connector) as session:
        while process.returncode is None:
            try:
                async with session.get("http://relay/live?since=999999999") as answer:
                    if (await answer.json())["commit"] == str(number):
                        return process
            except (aiohttp.ClientError, OSError):
                pass
            await asyncio.sleep(0.02)
    raise SystemExit("bench: a relay did not start")


async def _last_handover(folder: str) -> Any:
    connector = aiohttp.UnixConnector(f"{folder}/relay.sock")
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://relay/live?since=999999999") as answer,
    ):
        return (await answer.json())["handover"]


def _peak(pid: int) -> float:
    """Return the most memory that a process has used, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    return 0.0


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def measure(members: int, handovers: int) -> bool:
    """Print a row for each handover; return whether every message arrived once, in order."""
    with TemporaryDirectory() as folder:
        relay = await _start(folder, 0)
        joined = await _join(folder, members)
        busy = joined[:_BUSY]
        said = [0] * _SENDERS
        is_over = asyncio.Event()

        async def send() -> None:
            while not is_over.is_set():
                for sender, member in enumerate(busy[:_SENDERS]):
                    said[sender] += 1
                    member.say(sender, said[sender])
                await asyncio.sleep(_PERIOD)

        sending = asyncio.create_task(send())
        print("| members | took s | frozen ms | silence ms | old MB | new MB, peak | new files |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for number in range(1, handovers + 1):
            for member in busy:
                member.silence = 0.0
            start, old = time.monotonic(), relay
            relay = await _start(folder, number)
            took = time.monotonic() - start
            await asyncio.sleep(1)
            frozen = (await _last_handover(folder))["frozen_seconds"]
            silence = max(member.silence for member in busy)
            print(
                f"| {members} | {took:.1f} | {frozen * 1000:.0f} | {silence * 1000:.0f} "
                f"| {resident(old.pid) / 1e6:.0f} | {_peak(relay.pid):.0f} | {_files(relay.pid)} |",
                flush=True,
            )
            old.send_signal(signal.SIGTERM)
            await old.wait()
        is_over.set()
        await sending
        await asyncio.sleep(2)
        lost = sum(
            said[sender] - member.heard[sender]
            for index, member in enumerate(busy)
            for sender in range(_SENDERS)
            if sender != index
        )
        closed = sum(member.is_closed for member in joined)
        wrong = sum(not member.is_exact for member in joined)
        print(f"lost {lost}, closed {closed}, members that heard something out of order {wrong}")
        relay.kill()
        await relay.wait()
        return not (lost or closed or wrong)


async def _join(folder: str, members: int) -> list[Member]:
    loop = asyncio.get_running_loop()
    joined: list[Member] = []
    while len(joined) < members:
        step = range(len(joined), min(len(joined) + _STEP, members))
        rooms = ["busy" if index < _BUSY else f"quiet-{index % 50}" for index in step]
        opened = [Member(f"m{index}", room) for index, room in zip(step, rooms, strict=True)]
        for member in opened:
            await loop.create_unix_connection(lambda it=member: it, f"{folder}/relay.sock")  # type: ignore[misc]
        await asyncio.gather(*(member.joined for member in opened))
        joined += opened
    return joined


def main() -> int:
    """Run the command line; return 1 if anything was lost, repeated, reordered or closed."""
    parser = argparse.ArgumentParser(prog="python -m bench.handover", description=__doc__)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--handovers", type=int, default=10)
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return 0 if asyncio.run(measure(options.members, options.handovers)) else 1


if __name__ == "__main__":
    sys.exit(main())
