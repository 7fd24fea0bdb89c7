"""A game loop at 30 Hz: players send their steps, the server moves them and tells all places.

Any client of the room `game` plays, by texts such as `left`, `right`, `up` and `down`.
"""

import asyncio
import json
from contextlib import suppress

from relay_client import Join, Leave, Message, QueueFull, RelayClient

RATE = 30  # turns a second
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


async def main():
    places = {}
    async with RelayClient("http://localhost:8080", room="game", user="server") as relay:
        turns_task = asyncio.create_task(turns(relay, places))
        async for event in relay.events():
            match event:
                case Join(user):
                    places[user] = [0, 0]
                case Leave(user):
                    places.pop(user, None)
                case Message(str() as step, sender) if step in STEPS:
                    x, y = places.setdefault(sender, [0, 0])
                    places[sender] = [x + STEPS[step][0], y + STEPS[step][1]]
        turns_task.cancel()


async def turns(relay, places):
    clock = asyncio.get_running_loop()
    turn, start = 0, clock.time()
    while True:
        turn += 1
        with suppress(QueueFull):  # away for long: the next turn says it all
            relay.send(json.dumps({"turn": turn, "places": places}))
        await asyncio.sleep(max(0.0, start + turn / RATE - clock.time()))


asyncio.run(main())
