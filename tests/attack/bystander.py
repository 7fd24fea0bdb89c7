"""`python -m tests.attack.bystander PORT ROOM`: two members who talk in a room of their own.

20 messages a second, until the standard input ends; then it prints what it saw, as JSON: how many
were sent, how many did not arrive, and how long they took, in milliseconds.
"""

import asyncio
import json
import sys
import time
from typing import Final

from tests.raw import RawClient, encode

RATE: Final = 20  # messages a second
_LAST: Final = 10.0  # seconds for the last of them


async def talk(port: int, room: str) -> dict[str, float]:
    """Send and receive; return what was seen."""
    loop = asyncio.get_running_loop()
    ear = await RawClient.connect(port, f"/ws/ear?room={room}")
    mouth = await RawClient.connect(port, f"/ws/mouth?room={room}")
    silencer = asyncio.create_task(_discard(mouth))
    print("ready", flush=True)
    is_over = loop.run_in_executor(None, sys.stdin.read)
    waits: list[float] = []
    heard = asyncio.create_task(_hear(ear, waits))
    sent = 0
    due = loop.time()
    while not is_over.done():
        await mouth.send(
            encode(2, sent.to_bytes(4, "big") + time.monotonic_ns().to_bytes(8, "big"))
        )
        sent += 1
        due += 1 / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
    deadline = loop.time() + _LAST
    while len(waits) < sent and loop.time() < deadline and not heard.done():
        await asyncio.sleep(0.01)
    heard.cancel()
    silencer.cancel()
    waits.sort()
    return {
        "sent": sent,
        "lost": sent - len(waits),
        "p50": round(waits[len(waits) // 2] * 1000, 1),
        "p99": round(waits[min(len(waits) - 1, len(waits) * 99 // 100)] * 1000, 1),
        "worst": round(waits[-1] * 1000, 1),
    }


async def _hear(ear: RawClient, waits: list[float]) -> None:
    """Note how long each message took; what is not the next one counts as lost."""
    while frame := await ear.read():
        if frame.opcode == 9:
            await ear.send(encode(10, frame.payload))
        elif frame.opcode == 2 and int.from_bytes(frame.payload[:4], "big") == len(waits):
            then = int.from_bytes(frame.payload[4:], "big")
            waits.append((time.monotonic_ns() - then) / 1e9)
        else:
            return


async def _discard(client: RawClient) -> None:
    while frame := await client.read():
        if frame.opcode == 9:
            await client.send(encode(10, frame.payload))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(talk(int(sys.argv[1]), sys.argv[2]))))
