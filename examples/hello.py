import asyncio

from websockets.asyncio.client import connect

URL = "ws://localhost:8080/ws/python?room=lobby"


async def main():
    async with connect(URL) as relay:
        await relay.send("hello from Python")
        async for message in relay:
            print(message)


asyncio.run(main())
