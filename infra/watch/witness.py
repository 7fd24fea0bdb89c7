"""Clients that stay connected through a deploy and count what it did to them.

`python -m infra.watch.witness` reads one line of JSON (address, rooms, clients per room, rate in
messages a second, room, tokens by user or {}), says `ready` once all are in, and ends with its
figures as JSON when its input ends. Each client reconnects at once, as a good client does, and
sends all the time. What was lost, missed and unread at close is reckoned by the accounts of the
load tester.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from secrets import randbelow
from typing import Any

import aiohttp

from infra.watch.public import Address
from infra.watch.visitor import authorization
from wsload.account import payload
from wsload.account.account import Account
from wsload.account.audit import FAULTS, Audit, audit
from wsload.account.ledger import Ledger
from wsload.account.payload import HEADER, SMALLEST, Writer
from wsload.account.verifier import Verifier

_JITTER = 0.1  # seconds at most before a client comes back: not all in the same millisecond
_RETRY = 0.25  # seconds after a handshake that failed
_SETTLE = 1.0  # seconds for the last messages to arrive, and for one that comes twice
_OVERDUE = 10.0  # seconds until what has not come is lost: a busy machine, a slow line
_PATIENCE = 15.0  # seconds for a handshake, and for all to be in, or back
_SIZE = 64  # bytes of a message


@dataclass
class Witness:
    """One client: its account, how it was closed, which handshakes failed. Times are monotonic."""

    user: str
    account: Account
    connections: int = 0  # how often it has been in
    left: float = 0.0  # when its last connection ended
    closes: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    heard: float = inf  # when it last heard anybody
    silence: float = 0.0  # seconds: the longest in which it heard nobody

    @property
    def gaps(self) -> list[float]:
        """Seconds from each close to being back."""
        return [away.back - away.left for away in self.account.away if away.back < inf]

    def hear(self, moment: float) -> None:
        """Something has arrived. What was before the first time is no silence: nobody spoke yet."""
        self.silence = max(self.silence, moment - self.heard)
        self.heard = moment

    def came(self, moment: float, closed: int, heard: dict[int, int]) -> None:
        """It is in. `closed`: the code that its last connection ended with, and `heard` what its
        account expected next then."""
        if self.connections:
            self.account.absent(self.left, moment, closed, heard)
        else:
            self.account.joined = moment
        self.connections += 1


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
        run = randbelow(payload.RUNS)
        self._verifier = Verifier(run, 0)
        self._ledger = Ledger()
        self.rooms = {
            f"{room}-{number}": [self._witness(run, number, client) for client in range(clients)]
            for number in range(rooms)
        }
        self._arrival = asyncio.Condition()
        self._over = False

    def _witness(self, run: int, room: int, client: int) -> Witness:
        user = f"witness-{client}"
        key = payload.Origin(run, room, 0, client).key
        account = Account(user, key, joined=inf, echo=False, checked=True)
        account.sent = array("d")
        self._verifier.expect(key, account.sent)
        self._ledger.enter(account)
        return Witness(user, account)

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
                lambda: all(witness.connections > times for witness in self._everyone)
            )

    async def hush(self) -> None:
        """Have nobody speak any more, and all listen to what is still on its way."""
        self._over = True
        overdue = time.monotonic() + _OVERDUE
        await asyncio.sleep(_SETTLE)
        while self.audit().lost and time.monotonic() < overdue:
            await asyncio.sleep(_RETRY)

    async def _stay(self, room: str, witness: Witness) -> None:
        url = f"{self._base}/ws/{witness.user}?room={room}"
        headers = authorization(self._tokens, witness.user)
        code, heard = 0, dict[int, int]()
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
            witness.came(time.monotonic(), code, heard)
            speaking = asyncio.create_task(self._speak(socket, witness))
            try:
                async with self._arrival:
                    self._arrival.notify_all()
                await self._listen(socket, witness)
            finally:
                witness.left, heard = time.monotonic(), dict(witness.account.next)
                speaking.cancel()
                if self._over:
                    await socket.close()
            code = socket.close_code or 1006
            witness.closes[code] += 1
            await socket.close()
            await asyncio.sleep(random.uniform(0, _JITTER))  # noqa: S311

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse, witness: Witness) -> None:
        writer, sent = Writer(witness.account.key, _SIZE), witness.account.sent
        assert sent is not None
        await asyncio.sleep(random.uniform(0, self._pause))  # noqa: S311
        while not self._over and not socket.closed:
            moment = time.monotonic()
            message = bytes(writer.payload(len(sent), moment))
            sent.append(moment)
            try:
                await socket.send_bytes(message)
            except (OSError, aiohttp.ClientError):
                return  # it counts as sent: a client cannot know better
            await asyncio.sleep(self._pause)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, witness: Witness) -> None:
        account = witness.account
        async for message in socket:
            now = time.monotonic()
            witness.hear(now)
            if message.type is not aiohttp.WSMsgType.BINARY:
                account.texts += message.type is aiohttp.WSMsgType.TEXT
                continue
            fault = self._verifier.verify(message.data, now)
            if fault is None and len(message.data) >= SMALLEST:
                key, sequence, *_ = HEADER.unpack_from(message.data)
                account.place(key, sequence)
            elif fault is not None:
                account.reject(fault)

    def audit(self) -> Audit:
        """What came of all messages."""
        return audit([self._ledger.books()])

    def figures(self) -> dict[str, Any]:
        everyone, found = self._everyone, self.audit()
        gaps = [gap for witness in everyone for gap in witness.gaps]
        failures = [failure for witness in everyone for failure in witness.failures]
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
            "split": round(found.split, 3),
            "said": found.sent,
            "missed": found.missed,
            "unread": found.unread,
            **{name: getattr(found, name) for name in FAULTS},
        }


async def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    address = Address(**wanted.pop("address"))
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
