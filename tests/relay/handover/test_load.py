"""Clients of three kinds stay through handovers under load, and every message arrives once."""

import asyncio
from collections import defaultdict
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from tests.node import Echo
from tests.raw import RawClient, encode
from tests.relay.handover.succession import Succession, succession


class Talk:
    """What everybody in a room says and hears: `who:number`, and who heard what in which order."""

    def __init__(self) -> None:
        self.said: dict[str, int] = defaultdict(int)
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.is_over = asyncio.Event()

    def next_word(self, who: str) -> str:
        self.said[who] += 1
        return f"{who}:{self.said[who]}"

    async def talk(self, who: str, client: ClientConnection) -> None:
        while not self.is_over.is_set():
            await client.send(self.next_word(who))
            await asyncio.sleep(0.01)

    async def listen(self, who: str, client: ClientConnection) -> None:
        while True:
            self.heard[who].append(str(await client.recv()))

    async def trickle(self, who: str, client: RawClient) -> None:
        """Send a few bytes at a time, so that most handovers fall into a frame."""
        while not self.is_over.is_set():
            frame = encode(1, self.next_word(who).encode())
            for start in range(0, len(frame), 5):
                await client.send(frame[start : start + 5])
                await asyncio.sleep(0.01)

    async def listen_raw(self, who: str, client: RawClient) -> None:
        while frame := await client.read():
            assert frame.opcode == 1, frame
            self.heard[who].append(frame.payload.decode())

    async def until_all_is_heard(self) -> None:
        total = sum(self.said.values())
        for who in self.heard:
            while len(self.heard[who]) < total - self.said[who]:
                await asyncio.sleep(0.01)

    def check(self) -> None:
        """Nobody has missed, heard twice, or heard in another order."""
        witness = self.heard["witness"]
        assert len(witness) == len(set(witness)) == sum(self.said.values())
        for who, heard in self.heard.items():
            assert heard == [word for word in witness if not word.startswith(f"{who}:")], who


async def carry(relays: Succession, handovers: int, clients: int) -> Talk:
    """Have so many clients talk through so many handovers; return what was said and heard."""
    talk = Talk()
    tasks: list[asyncio.Task[None]] = []
    talkers: list[asyncio.Task[None]] = []
    opened: list[ClientConnection] = []
    raw: list[RawClient] = []
    witness = await relays.relay.connect("witness")
    opened.append(witness)
    tasks.append(asyncio.create_task(talk.listen("witness", witness)))
    for index in range(clients):
        name = f"c{index}"
        if index % 4 == 3:
            place: int | str = relays.listen if index % 8 == 3 else relays.relay.port
            slow = await RawClient.connect(place, f"/ws/{name}")
            raw.append(slow)
            tasks.append(asyncio.create_task(talk.listen_raw(name, slow)))
            talkers.append(asyncio.create_task(talk.trickle(name, slow)))
        else:
            client = await (relays.unix(name) if index % 2 else relays.relay.connect(name))
            opened.append(client)
            tasks.append(asyncio.create_task(talk.listen(name, client)))
            talkers.append(asyncio.create_task(talk.talk(name, client)))
    for _ in range(handovers):
        old = relays.relay
        await relays.next()
        await old.kill()
    talk.is_over.set()
    await asyncio.gather(*talkers)
    async with asyncio.timeout(60):
        await talk.until_all_is_heard()
    assert not [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*(client.close() for client in opened))
    for slow in raw:
        slow.close()
    return talk


async def test_client_nobody_here_wrote_notices_nothing(tmp_path: Path, node: str) -> None:
    """npm's `ws` sends back what it is told; in order, and once."""
    async with succession(tmp_path) as relays:
        echo = await Echo.start(node, relays.relay.url("node"))
        assert await echo.line() == "open"
        async with relays.unix("asker") as asker:
            number = 0
            for _ in range(2):
                old = relays.relay
                following = asyncio.create_task(relays.next())
                while not following.done():
                    await asker.send(str(number))
                    assert await asker.recv() == str(number)
                    number += 1
                await old.kill()
            await asker.send("stop")
            assert (await echo.line()).startswith("close 1000")
        assert await echo.wait() == 0


async def test_every_message_arrives_once_and_in_one_order(tmp_path: Path) -> None:
    """Over TCP and the Unix socket, through handovers in a row; old relays are killed at once."""
    async with succession(tmp_path) as relays:
        talk = await carry(relays, 2, 12)
        talk.check()
        assert await relays.relay.metric("relay_handovers_total") == 2
        assert await relays.relay.metric("relay_messages_total") >= sum(talk.said.values())


async def test_no_handshake_fails_during_handovers(tmp_path: Path) -> None:
    """Two hundred a second, over TCP and over the Unix socket."""
    async with succession(tmp_path) as relays:
        is_over = asyncio.Event()
        count = 0
        pending: set[asyncio.Task[None]] = set()

        async def join(number: int) -> None:
            place: int | str = relays.listen if number % 2 else relays.relays[0].port
            client = await RawClient.connect(place, f"/ws/guest-{number}")
            await client.send(encode(8, b""))
            _, close = await client.read_until_close()
            assert close is not None
            client.close()

        async def come() -> None:
            nonlocal count
            while not is_over.is_set():
                task = asyncio.create_task(join(count))
                pending.add(task)
                count += 1
                await asyncio.sleep(0.005)

        coming = asyncio.create_task(come())
        for _ in range(2):
            old = relays.relay
            await relays.next()
            await old.stop()
        is_over.set()
        await coming
        await asyncio.gather(*pending)
        assert count > 100
        _, health = await relays.relay.get("/health")
        assert health["totals"]["connections"] == count
        assert sum(health["totals"]["closed"].values()) == count
        assert health["handovers"] == 2
        assert health["handover"]["frozen_seconds"] < 5
        assert health["service_uptime_seconds"] > health["uptime_seconds"]
