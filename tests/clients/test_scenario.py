"""Node and Python in one room, with a bad network between: nothing missed, and nothing twice."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.clients.member import Member, node_member, python_member, until
from tests.clients.proxy import Proxy
from tests.process import Relay

STEPS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "scenario.json").read_text())[
    "steps"
]


class _Part:
    """One client's part: what it has sent, and been told."""

    def __init__(self, name: str, member: Member) -> None:
        self.name = name
        self.member = member
        self.sent: list[str] = []
        self.heard: list[str] = []
        self.acknowledged: list[str] = []
        self.others: Counter[str] = Counter()
        self._listen_task = asyncio.create_task(self._listen())

    async def say(self, count: int) -> None:
        for _ in range(count):
            text = f"{self.name} {len(self.sent)}"
            self.sent.append(text)
            await self.member.send(text)

    async def _listen(self) -> None:
        while True:
            event = await self.member.told.get()
            if event["type"] == "message":
                self.heard.append(event["text"])
                assert event["from"] == event["text"].split()[0]
            elif event["type"] == "acknowledged":
                self.acknowledged.append(event["text"])
            else:
                self.others[event["type"]] += 1

    def end(self) -> None:
        self._listen_task.cancel()


async def _follow(step: dict[str, Any], parts: list[_Part], proxy: Proxy) -> None:
    match step:
        case {"send": int(count)}:
            await asyncio.gather(*(part.say(count) for part in parts))
        case {"network": str(change)}:
            getattr(proxy, change.replace("-", "_"))()
        case {"silent": True}:
            for part in parts:
                while not part.member.states.empty():
                    part.member.states.get_nowait()
            for part in parts:  # asked after 10 to 20 s of silence, given up 5 s later
                await until(part.member.states, lambda state: state in ("waiting", "connecting"))
        case {"settle": True}:
            while any(
                len(part.acknowledged) < len(part.sent) or len(part.heard) < len(other.sent)
                for part, other in zip(parts, reversed(parts), strict=True)
            ):
                await asyncio.sleep(0.01)
        case _:
            raise AssertionError(step)


async def _watch(witness: ClientConnection, seen: list[str]) -> None:
    async for message in witness:
        seen.append(str(message))


async def test_nothing_is_missed_and_nothing_comes_twice(
    relay: Relay, room: str, node: str
) -> None:
    """In both directions, and in the order in which the relay has it."""
    seen: list[str] = []
    async with (
        Proxy.open(relay.port, seed=15) as proxy,
        relay.connect("witness", room=room) as witness,
        python_member(proxy.url, "python", room) as python,
        node_member(node, proxy.url, "node", room) as javascript,
    ):
        watch_task = asyncio.create_task(_watch(witness, seen))
        parts = [_Part("python", python), _Part("node", javascript)]
        await relay.count(room, 3)
        for step in STEPS:
            await _follow(step, parts, proxy)
        everything = [*parts[0].sent, *parts[1].sent]
        while len(seen) < len(everything):
            await asyncio.sleep(0.01)
        assert sorted(seen) == sorted(everything)  # in the room exactly once
        for part, other in zip(parts, reversed(parts), strict=True):
            assert part.heard == other.sent == [text for text in seen if text in set(other.sent)]
            assert part.acknowledged == part.sent
            assert not part.others["gap"] and not part.others["unknown"]
        assert proxy.cuts >= 6
        for part in parts:
            part.end()
        watch_task.cancel()
