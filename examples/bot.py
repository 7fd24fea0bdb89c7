"""A chat bot: it greets who comes, and answers `!count` and `!who`."""

import asyncio

from relay_client import Join, Message, RelayClient


async def main():
    async with RelayClient("http://localhost:8080", room="lobby", user="bot") as relay:
        async for event in relay.events():
            match event:
                case Join(user):
                    relay.send(f"welcome, {user}")
                case Message("!count"):
                    relay.send(f"{relay.count} here")
                case Message("!who", sender):
                    others = [name for name in relay.members or [] if name != sender]
                    relay.send(f"{sender}, here are {', '.join(others)}")


asyncio.run(main())
