"""One message through the public address; `python -m infra.watch.visitor` reads its input as JSON.

Input: address, commit (what /health has to name, or ""), room, tokens by user (or {}).
Tries until it works or the time is up, because a first certificate takes a moment; exit code 1 with
one sentence.
"""

import asyncio
import json
import secrets
import sys
import time
from typing import Any

import aiohttp

from infra.watch.public import Address

_TIME = 25.0  # seconds in all, with the last try below what the host waits for a verdict
_TRY = 5.0  # seconds for one try
_PAUSE = 0.5  # seconds between two


class Wrong(Exception):
    """What came is not what was expected."""


async def visit(address: Address, commit: str, room: str, tokens: dict[str, str]) -> float:
    """Check `/health` and carry a message between two clients; return its milliseconds."""
    async with address.session() as session:
        async with session.get(address.url("http", "/health")) as response:
            health = await response.json()
            if commit and health["commit"] != commit:
                raise Wrong(f"/health answers for commit {health['commit']}, not for {commit}")
        here, there = [
            await session.ws_connect(
                address.url("ws", f"/ws/{user}?room={room}"), headers=authorization(tokens, user)
            )
            for user in ("visitor-1", "visitor-2")
        ]
        said = secrets.token_hex(16)
        sent = time.perf_counter()
        await here.send_str(said)
        message = await there.receive()
        took = time.perf_counter() - sent
        if message.data != said:
            raise Wrong(f"sent {said!r}, and {message.data!r} arrived")
        await here.close()
        await there.close()
        return took * 1000


def authorization(tokens: dict[str, str], user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens[user]}"} if tokens else {}


async def main(wanted: dict[str, Any]) -> int:
    address = Address(**wanted["address"])
    deadline = time.monotonic() + _TIME
    while True:
        try:
            async with asyncio.timeout(_TRY):
                took = await visit(address, wanted["commit"], wanted["room"], wanted["tokens"])
            print(json.dumps({"milliseconds": round(took, 1)}))
            return 0
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError, KeyError, Wrong) as error:
            if time.monotonic() > deadline:
                words = str(error) or type(error).__name__
                print(f"{address.url('ws', '')} carries no message: {words}", file=sys.stderr)
                return 1
        await asyncio.sleep(_PAUSE)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(json.load(sys.stdin))))
