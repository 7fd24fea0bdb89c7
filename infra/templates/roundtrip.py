"""Run inside a relay's container: carry one message between two clients, on its own address."""

import asyncio
import os
import secrets
import subprocess
import sys

import aiohttp

TIMEOUT = 10.0  # seconds for all of it


def token(user: str, room: str) -> str | None:
    """A token for that name, where the host's settings ask for tokens."""
    if not os.environ.get("JWT_SECRET"):
        return None
    mint = [sys.executable, "-m", "relay", "token", "--user", user, "--room", room]
    done = subprocess.run([*mint, "--expires", "1m"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


async def main(address: str) -> None:
    room = f"rehearsal-{secrets.token_hex(4)}"
    said = secrets.token_hex(16)
    async with aiohttp.ClientSession() as session, asyncio.timeout(TIMEOUT):
        here = await enter(session, address, room, "here")
        there = await enter(session, address, room, "there")
        await here.send_str(said)
        message = await there.receive()
        await here.close()
        await there.close()
    if message.data != said:
        sys.exit(f"sent {said!r}, and {message.data!r} arrived")


async def enter(
    session: aiohttp.ClientSession, address: str, room: str, user: str
) -> aiohttp.ClientWebSocketResponse:
    minted = token(user, room)
    headers = {"Authorization": f"Bearer {minted}"} if minted else {}
    return await session.ws_connect(f"ws://{address}:8080/ws/{user}?room={room}", headers=headers)


asyncio.run(main(sys.argv[1]))
