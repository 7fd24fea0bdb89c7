"""Run inside a relay's container: carry one message between two clients.

By the socket that Caddy uses, where the container has it, else by the container's own port. With a
commit as its argument, what /health names has to begin with it.
"""

import asyncio
import os
import secrets
import subprocess
import sys

import aiohttp

TIMEOUT = 10.0  # seconds for all of it
BASE = "http://localhost:8080"


def token(user: str, room: str) -> str | None:
    """A token for that name, where the host's settings ask for tokens."""
    if not os.environ.get("JWT_SECRET"):
        return None
    mint = [sys.executable, "-m", "relay", "token", "--user", user, "--room", room]
    done = subprocess.run([*mint, "--expires", "1m"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


async def main(commit: str) -> None:
    room = f"rehearsal-{secrets.token_hex(4)}"
    said = secrets.token_hex(16)
    path = os.environ.get("LISTEN_SOCKET")
    connector = aiohttp.UnixConnector(path) if path else aiohttp.TCPConnector()
    async with (
        aiohttp.ClientSession(BASE, connector=connector) as session,
        asyncio.timeout(TIMEOUT),
    ):
        async with session.get("/health") as response:
            serves = (await response.json())["commit"]
        if not serves.startswith(commit):
            sys.exit(f"/health answers for commit {serves}, not for {commit}")
        here = await enter(session, room, "here")
        there = await enter(session, room, "there")
        await here.send_str(said)
        message = await there.receive()
        await here.close()
        await there.close()
    if message.data != said:
        sys.exit(f"sent {said!r}, and {message.data!r} arrived")


async def enter(
    session: aiohttp.ClientSession, room: str, user: str
) -> aiohttp.ClientWebSocketResponse:
    minted = token(user, room)
    headers = {"Authorization": f"Bearer {minted}"} if minted else {}
    return await session.ws_connect(f"/ws/{user}?room={room}", headers=headers)


asyncio.run(main(*sys.argv[1:] or ("",)))
