"""Clients that stay connected through a deploy and count what it did to them.

`python -m infra.witness` reads one line of JSON (domain, host, rooms, clients per room, rate in
messages a second, room, tokens by user or {}), says `ready` once all are in, and ends with its
figures as JSON when its input ends. Each client reconnects at once, as a good client does, and says
numbered messages all the time.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Any

import aiohttp

from infra.public import Address
from infra.visitor import authorization

_JITTER = 0.1  # seconds at most before a client comes back: not all in the same millisecond
_RETRY = 0.25  # seconds after a handshake that failed
_SETTLE = 1.0  # seconds for the last messages to arrive
_PATIENCE = 15.0  # seconds for a handshake, and for all to be in, or back


@dataclass
class Witness:
    """One client: when it was in, what it said, what it heard."""

    user: str
    stays: list[tuple[float, float]] = field(default_factory=list)  # in, out or inf (monotonic)
    said: list[float] = field(default_factory=list)  # when, by number
    heard: dict[str, set[int]] = field(default_factory=dict)  # numbers by user
    closes: Counter[int] = field(default_factory=Counter)
    heard_at: float = inf  # when it last heard anybody (monotonic)
    silence: float = 0.0  # seconds: the longest in which it heard nobody
    failures: list[str] = field(default_factory=list)  # handshakes that failed

    @property
    def gaps(self) -> list[float]:
        """Seconds from each close to being back."""
        return [came - went for (_, went), (came, _) in pairwise(self.stays)]

    def hear(self, user: str, number: int, now: float) -> None:
        self.heard.setdefault(user, set()).add(number)
        self.silence = max(self.silence, now - self.heard_at)
        self.heard_at = now

    def was_in(self, moment: float) -> bool:
        return any(came <= moment < went for came, went in self.stays)


class Swarm:
    """All witnesses of all rooms, through `session` to `base`, a URL without a path."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        *,
        room: str,
        rooms: int,
        clients: int,
        rate: float,
        tokens: dict[str, str],
        patience: float = _PATIENCE,
    ) -> None:
        self._session = session
        self._base = base
        self._tokens = tokens
        self._pause = 1 / rate
        self._patience = patience
        self.rooms = {
            f"{room}-{number}": [Witness(f"witness-{client}") for client in range(clients)]
            for number in range(rooms)
        }
        self._arrival = asyncio.Condition()
        self._over = False

    @property
    def _everyone(self) -> list[Witness]:
        return [witness for room in self.rooms.values() for witness in room]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """All are in, and come back until the end; TimeoutError if they could not connect."""
        stays = asyncio.gather(
            *(
                self._stay(room, witness)
                for room, witnesses in self.rooms.items()
                for witness in witnesses
            )
        )
        try:
            await self.back(0)
            yield
        finally:
            self._over = True
            stays.cancel()
            with suppress(asyncio.CancelledError):
                await stays

    async def back(self, times: int) -> None:
        """Wait until all have been in and come back so often; TimeoutError after `patience`."""
        async with asyncio.timeout(self._patience), self._arrival:
            await self._arrival.wait_for(
                lambda: all(len(witness.stays) > times for witness in self._everyone)
            )

    async def hush(self) -> None:
        """Have nobody speak any more, and all listen to what is still on its way."""
        self._over = True
        await asyncio.sleep(_SETTLE)

    async def _stay(self, room: str, witness: Witness) -> None:
        url = f"{self._base}/ws/{witness.user}?room={room}"
        headers = authorization(self._tokens, witness.user)
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    socket = await self._session.ws_connect(
                        url, headers=headers, max_msg_size=0, autoclose=False
                    )
            except (TimeoutError, OSError, aiohttp.ClientError) as error:
                witness.failures.append(str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY)
                continue
            came = time.monotonic()
            witness.stays.append((came, inf))
            speaking = asyncio.create_task(self._speak(socket, witness))
            try:
                async with self._arrival:
                    self._arrival.notify_all()
                await _listen(socket, witness)
            finally:
                witness.stays[-1] = (came, time.monotonic())
                speaking.cancel()
                if self._over:
                    await socket.close()
            witness.closes[socket.close_code or 1006] += 1
            await socket.close()
            await asyncio.sleep(random.uniform(0, _JITTER))  # noqa: S311

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse, witness: Witness) -> None:
        await asyncio.sleep(random.uniform(0, self._pause))  # noqa: S311
        while not self._over and not socket.closed:
            number = len(witness.said)
            witness.said.append(time.monotonic())
            try:
                await socket.send_str(f"{witness.user} {number}")
            except (OSError, aiohttp.ClientError):
                return  # it counts as said: a client cannot know better
            await asyncio.sleep(self._pause)

    def figures(self) -> dict[str, Any]:
        everyone = self._everyone
        gaps = [gap for witness in everyone for gap in witness.gaps]
        failures = [failure for witness in everyone for failure in witness.failures]
        lost, missed = 0, 0
        for room in self.rooms.values():
            room_lost, room_missed = undelivered(room)
            lost, missed = lost + room_lost, missed + room_missed
        return {
            "clients": len(everyone),
            "reconnected": sum(bool(witness.gaps) for witness in everyone),
            "handshakes_failed": len(failures),
            "failure": failures[0] if failures else "",
            "closes": {
                str(code): count
                for code, count in sorted(sum((w.closes for w in everyone), Counter()).items())
            },
            "back_median": round(statistics.median(gaps), 3) if gaps else 0.0,
            "back_max": round(max(gaps), 3) if gaps else 0.0,
            "silence": round(max(witness.silence for witness in everyone), 3),
            "split": round(max(map(split, self.rooms.values())), 3),
            "said": sum(len(witness.said) for witness in everyone),
            "lost": lost,
            "missed": missed,
        }


async def _listen(socket: aiohttp.ClientWebSocketResponse, witness: Witness) -> None:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            user, _, number = message.data.rpartition(" ")
            witness.hear(user, int(number), time.monotonic())


def split(room: list[Witness]) -> float:
    """Seconds from the first who was back to the last who left: both relays served this room."""
    returns = [came for witness in room for came, _ in witness.stays[1:]]
    leaves = [went for witness in room for _, went in witness.stays[:1] if len(witness.stays) > 1]
    return max(0.0, max(leaves) - min(returns)) if returns and leaves else 0.0


def undelivered(room: list[Witness]) -> tuple[int, int]:
    """Deliveries that did not happen, to those who were connected and to those who were not."""
    lost = missed = 0
    for speaker in room:
        for listener in room:
            if listener is speaker:
                continue
            heard = listener.heard.get(speaker.user, set())
            for number, moment in enumerate(speaker.said):
                if number in heard:
                    continue
                if listener.was_in(moment):
                    lost += 1
                else:
                    missed += 1
    return lost, missed


async def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    address = Address(wanted.pop("domain"), wanted.pop("host"))
    async with address.session() as session:
        swarm = Swarm(session, address.url("ws", ""), **wanted)
        try:
            async with swarm.connected():
                print("ready", flush=True)
                await asyncio.to_thread(sys.stdin.read)
                await swarm.hush()
        except TimeoutError:
            return  # what serves may be broken, and about to be mended
    print(json.dumps(swarm.figures()))


if __name__ == "__main__":
    asyncio.run(main())
