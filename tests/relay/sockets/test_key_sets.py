"""Key sets: fetched from a server, rotated, bounded, and missed when they are not there."""

import asyncio
import gzip
import tracemalloc
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from relay.access.keys import Key
from relay.edge import key_sets
from relay.edge.key_sets import KeySet
from tests.conftest import StartRelay
from tests.relay.issuer import Issuer

GZIP = {"Content-Encoding": "gzip"}


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
        ({"body": gzip.compress(b"[]"), "headers": GZIP}, "it is no JSON Web Key Set"),
        ({"body": gzip.compress(b"[]")[:-9], "headers": GZIP}, "its answer ends early"),
        ({"body": b"{}", "headers": GZIP}, "its answer is not gzip, as it says"),
        ({"body": b"{}", "headers": {"Content-Encoding": "br"}}, "a Content-Encoding that is not"),
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


async def test_compressed_answer_counts_as_what_it_becomes() -> None:
    """A quarter of a megabyte that becomes a quarter of a gigabyte costs no memory."""
    issuer, taken = Issuer(), list[tuple[Key, ...]]()
    issuer.answer = {"body": gzip.compress(bytes(250_000_000)), "headers": GZIP}
    assert len(issuer.answer["body"]) < 256 * 1024
    async with issuer.serving() as url:
        tracemalloc.start()
        try:
            assert not await KeySet(url, taken.append).fetch()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000
        keys = await _keys_of(issuer)
        issuer.answer = {"body": gzip.compress(keys), "headers": GZIP}
        assert await KeySet(url, taken.append).fetch()
    assert [len(each) for each in taken] == [1]


async def _keys_of(issuer: Issuer) -> bytes:
    """Return the set as this server would answer it."""
    issuer.answer = None
    answer = await issuer.keys(make_mocked_request("GET", "/keys"))
    assert isinstance(answer.body, bytes)
    return answer.body


async def test_those_who_ask_at_once_share_one_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next fetch waits for its time."""
    monkeypatch.setattr(key_sets, "PAUSE", 0.0)
    issuer = Issuer()
    async with issuer.serving() as url:
        keys = KeySet(url, lambda taken: None)
        assert await asyncio.gather(*(keys.refresh() for _ in range(50))) == [True] * 50
        assert issuer.asked == 1
        monkeypatch.setattr(key_sets, "PAUSE", 3600.0)
        assert not await keys.refresh()
        assert issuer.asked == 1
