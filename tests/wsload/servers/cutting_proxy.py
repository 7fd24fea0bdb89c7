"""A network that cuts every connection, so many times: `PORT --cuts N --every BYTES`."""

import argparse
import asyncio
import json

from tests.clients.proxy import Proxy


async def run(target: int, cuts: int, every: int) -> None:
    async with Proxy.open(target, seed=1) as proxy:
        print(json.dumps({"port": proxy.port}), flush=True)
        for count in range(1, cuts + 1):
            while proxy.passed < count * every:
                proxy.moved.clear()
                await proxy.moved.wait()
            proxy.cut()
        print(f"{cuts} cuts", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=int)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--every", type=int, default=100_000)
    given = parser.parse_args()
    asyncio.run(run(given.target, given.cuts, given.every))
