"""Two hundred clients stay through ten handovers in a row under load; nothing is lost or closed."""

import asyncio
import socket
import struct
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from tests.process import ROOT
from tests.raw import Frame, RawClient, encode
from tests.relay.handover.succession import Succession, succession

_CLIENTS = 200
_TALKERS = 10  # of them; each says ten words a second
_HANDOVERS = 10
_COUNTS = struct.Struct("=QQ")  # tcpi_bytes_acked and tcpi_bytes_received (linux/tcp.h)
_COUNTS_AT = 120  # bytes from the beginning of struct tcp_info


class Member:
    """One client: `heard` in order, `size` bytes of frames of that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[str] = []
        self.size = 0
        self.raw: RawClient | None = None
        self.client: ClientConnection | None = None

    async def join(self, relays: Succession, index: int) -> None:
        """By TCP or the Unix socket, raw or by a library, whichever is this one's turn."""
        if index % 2:
            self.raw = await RawClient.connect(
                relays.listen if index % 4 == 3 else relays.relay.port, f"/ws/{self.name}"
            )
        else:
            self.client = await (
                relays.unix(self.name) if index % 4 else relays.relay.connect(self.name)
            )

    async def listen(self) -> None:
        """Hear until the connection ends, which it must not."""
        while True:
            if self.raw is not None:
                frame = await self.raw.read()
                assert isinstance(frame, Frame), "the connection has ended"
                assert frame.opcode == 1, frame
                word = frame.payload.decode()
            else:
                assert self.client is not None
                word = str(await self.client.recv())
            self.heard.append(word)
            self.size += 2 + len(word)

    async def say(self, word: str) -> None:
        if self.raw is None:
            assert self.client is not None
            await self.client.send(word)
            return
        frame = encode(1, word.encode())
        for start in range(0, len(frame), 5):  # so that many handovers fall into a frame
            await self.raw.send(frame[start : start + 5])
            await asyncio.sleep(0.01)


pytestmark = pytest.mark.timeout(900)  # ten starts of a process, on a machine that may be busy


async def test_two_hundred_clients_through_ten_handovers(tmp_path: Path) -> None:
    """All hear one order; the relays' counts, the kernel's and the clients' are the same."""
    # No pings: an answer in the middle of a frame that trickles would be one of this client's own.
    async with succession(tmp_path, PING_INTERVAL="300s") as relays:
        members = [Member(f"m{index}") for index in range(_CLIENTS)]
        for index, member in enumerate(members):
            await member.join(relays, index)
        listening = [asyncio.create_task(member.listen()) for member in members]
        is_over = asyncio.Event()
        said: dict[str, int] = {}

        async def talk(member: Member) -> None:
            said[member.name] = 0
            while not is_over.is_set():
                said[member.name] += 1
                await member.say(f"{member.name}:{said[member.name]}")
                await asyncio.sleep(0.1)

        talking = asyncio.gather(*map(talk, members[:_TALKERS]))
        for _ in range(_HANDOVERS):
            old = relays.relay
            await relays.next()
            await old.kill()
        is_over.set()
        await talking
        total = sum(said.values())
        async with asyncio.timeout(60):
            for member, task in zip(members, listening, strict=True):
                while len(member.heard) < total - said.get(member.name, 0):
                    assert not task.done(), f"{member.name}: {task}"
                    await asyncio.sleep(0.01)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)

        order = members[-1].heard
        assert len(order) == len(set(order)) == total
        for member in members:
            assert member.heard == [w for w in order if not w.startswith(f"{member.name}:")]
            if member.raw is not None and member.raw.socket.family == socket.AF_INET:
                acked, received = kernel_counts(member.raw.socket)
                assert received == member.raw.read_bytes
                assert acked - 1 == member.raw.sent_bytes  # the SYN counts as one
        _, health = await relays.relay.get("/health")
        assert health["handovers"] == _HANDOVERS
        assert health["totals"]["messages"] == total
        assert health["totals"]["deliveries"] == sum(len(member.heard) for member in members)
        assert health["totals"]["closed"] == {}
        delivered = await relays.relay.metric("relay_delivered_bytes_total")
        assert delivered == sum(member.size for member in members)
        for member in members:
            if member.raw is not None:
                member.raw.close()
        await asyncio.gather(*(member.client.close() for member in members if member.client))


def kernel_counts(sock: socket.socket) -> tuple[int, int]:
    """Return how many bytes the other side has acknowledged, and how many have come from it."""
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    acked, received = _COUNTS.unpack_from(told, _COUNTS_AT)
    return acked, received


@pytest.mark.timeout(900)
async def test_load_tester_that_does_not_reconnect_passes(tmp_path: Path) -> None:
    """It keeps its connections through three handovers, and finds nothing amiss."""
    for seconds in (15, 60, 240):  # on a busy machine three handovers take their time
        if await _outlasts_three(tmp_path, seconds):
            return
    pytest.fail("the load tester has always ended before the last handover")


async def _outlasts_three(folder: Path, seconds: int) -> bool:
    """Return whether it was there for all three, in which case it has PASSED."""
    async with succession(folder) as relays:
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", "loadtest/broadcast.py", "--headless"),
            *("--host", f"ws://127.0.0.1:{relays.relay.port}", "-u", "50", "-r", "50"),
            *("-t", f"{seconds}s", "--interval", "200", "--report", str(folder / "reports")),
            *("--require", "lost=0,repeated=0,reordered=0,closed=0"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        while await relays.relay.metric("relay_messages_total") == 0:
            assert load.returncode is None
            await asyncio.sleep(0.05)
        for _ in range(3):
            old = relays.relay
            await relays.next()
            await old.stop()
        was_there = load.returncode is None
        output, _ = await load.communicate()
        if load.returncode:
            pytest.fail(output.decode())
        assert b"PASSED" in output
        return was_there
