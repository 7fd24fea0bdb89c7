"""A login server, for tests: it signs tokens and answers with its key set."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec


class Issuer:
    """A login server with keys that can be rotated; it counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.stalls = 0  # the how manieth who asks waits until `goes_on`; 0: nobody
        self.goes_on = asyncio.Event()
        self.answer: Any = None  # instead of the keys
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.rotate("first")

    def rotate(self, name: str) -> None:
        self._keys = {name: ec.generate_private_key(ec.SECP256R1())}

    def token(self, user: str, **more: object) -> str:
        ((name, key),) = self._keys.items()
        claims = {"sub": user, "room": "*", "exp": time.time() + 3600, **more}
        return jwt.encode(claims, key, "ES256", headers={"kid": name})

    async def keys(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.asked == self.stalls:
            await self.goes_on.wait()
        if self.answer is not None:
            return web.Response(**self.answer)
        algorithm = jwt.get_algorithm_by_name("ES256")
        keys = [
            {**orjson.loads(algorithm.to_jwk(key.public_key())), "kid": name}
            for name, key in self._keys.items()
        ]
        return web.json_response({"keys": keys})

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/keys", self.keys)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/keys"
        self.goes_on.set()
        await runner.cleanup()
