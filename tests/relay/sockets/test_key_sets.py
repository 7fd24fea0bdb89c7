"""Key sets: fetched from a server, rotated, bounded, and missed when they are not there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from relay.access.keys import Key
from relay.edge import key_sets
from relay.edge.key_sets import KeySet
from tests.conftest import StartRelay


class Issuer:
    """A login server with keys that can be rotated; it counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Any = None  # instead of the keys
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.rotate("first")

    def rotate(self, name: str) -> None:
        self._keys = {name: ec.generate_private_key(ec.SECP256R1())}

    def token(self, user: str) -> str:
        ((name, key),) = self._keys.items()
        claims = {"sub": user, "room": "*", "exp": time.time() + 3600}
        return jwt.encode(claims, key, "ES256", headers={"kid": name})

    async def keys(self, request: web.Request) -> web.Response:
        self.asked += 1
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
        await runner.cleanup()


async def test_tokens_of_a_key_set_count_and_its_rotation_is_followed(
    start_relay: StartRelay,
) -> None:
    """A token that names an unknown key has the set fetched again; strangers cannot have it so."""
    issuer = Issuer()
    async with issuer.serving() as url:
        relay = await start_relay(JWKS_URL=url)
        assert "INFO    key set of 127.0.0.1: 1 keys" in await relay.logged("key set")
        async with relay.connect("alice", token=issuer.token("alice")):
            pass
        old = issuer.token("alice")
        issuer.rotate("second")
        stranger = Issuer()
        stranger.rotate("stranger")
        status, _ = await relay.get("/ws/bob?token=" + issuer.token("bob"))
        while status != 426:  # it was asked at the start, and is not asked again at once
            await asyncio.sleep(0.2)
            status, body = await relay.get("/ws/bob?token=" + issuer.token("bob"))
        asked = issuer.asked
        for _ in range(20):
            status, body = await relay.get("/ws/eve?token=" + stranger.token("eve"))
            assert status == 401
            assert body["error"] == "token names the key 'stranger', which the relay does not have"
        assert issuer.asked <= asked + 1
        assert (await relay.get("/ws/alice?token=" + old))[0] == 401


async def test_key_set_that_is_not_there_is_told(start_relay: StartRelay) -> None:
    """In the log once, by `/ready`, and to whoever comes; the relay starts without it."""
    relay = await start_relay(JWKS_URL="http://127.0.0.1:9/keys")
    assert "WARNING" in await relay.logged("key set of 127.0.0.1: no connection to it")
    reason = "the key set of JWKS_URL is not there"
    assert await relay.get("/ready") == (503, {"ready": False, "error": reason})
    status, body = await relay.get("/ws/alice?token=" + Issuer().token("alice"))
    assert (status, body["error"]) == (503, reason + "; try again later")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": 500}, "it answers 500"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1/"}}, "it answers 302"),
        ({"text": "<html>"}, "its answer is no JSON"),
        ({"text": "[]"}, "it is no JSON Web Key Set"),
        ({"text": '{"keys":[{"kty":"oct","k":"AAAA"}]}'}, "none of its 1 keys is for RS256"),
        ({"body": b"x" * 300_000}, "its answer exceeds limit of 262144 bytes"),
    ],
)
async def test_bad_answer_is_a_sentence_and_changes_nothing(
    answer: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys that were fetched before go on to count; the trouble is told once."""
    issuer, taken = Issuer(), list[tuple[Key, ...]]()
    async with issuer.serving() as url:
        keys = KeySet(url, taken.append)
        async with keys.running():
            assert len(taken) == 1
            issuer.answer = answer
            for _ in range(2):
                assert not await keys.fetch()
    assert len(taken) == 1
    assert len([line for line in caplog.messages if why in line]) == 1
    assert "the keys of the last answer go on to count for a day" in caplog.text


async def test_those_who_ask_at_once_share_one_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next fetch waits for its time."""
    monkeypatch.setattr(key_sets, "_PAUSE", 0.0)
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = KeySet(url, lambda taken: None)
        assert await asyncio.gather(*(keys.refresh() for _ in range(50))) == [True] * 50
        assert issuer.asked == 1
        monkeypatch.setattr(key_sets, "_PAUSE", 3600.0)
        assert not await keys.refresh()
        assert issuer.asked == 1
