"""`/live`: samples of what the relay does."""

import asyncio
from typing import Any

import aiohttp

from tests.process import Relay


async def _until(relay: Relay, since: int, count: int) -> dict[str, Any]:
    while True:
        status, live = await relay.get(f"/live?since={since}")
        assert status == 200
        if len(live["samples"]) >= count:
            assert isinstance(live, dict)
            return live
        await asyncio.sleep(0.05)


async def test_samples_count_what_was_relayed(relay: Relay, room: str) -> None:
    """Counters grow by what was sent; only what is new is told."""
    first = await _until(relay, 0, 1)
    async with relay.connect("alice", room=room) as alice, relay.connect("bob", room=room) as bob:
        for number in range(3):
            await alice.send(f"{number}")
            await bob.recv()
        _, now = await relay.get("/live?since=999999999999999")
        live = await _until(relay, first["taken"], now["taken"] - first["taken"] + 1)
    assert len(live["samples"]) == live["taken"] - first["taken"]
    before, after = (
        dict(zip(live["fields"], sample, strict=True))
        for sample in (first["samples"][-1], live["samples"][-1])
    )
    assert after["messages"] - before["messages"] >= 3
    assert after["deliveries"] - before["deliveries"] >= 3
    assert after["connections"] >= 2
    assert after["time"] > before["time"]
    assert live["life"] == first["life"]


async def test_a_number_of_samples_from_the_future_gets_none(relay: Relay) -> None:
    """That is how the audio page asks for the relay's clock alone."""
    status, live = await relay.get("/live?since=999999999999999")
    assert (status, live["samples"]) == (200, [])
    assert live["time"] > 1_700_000_000


async def test_since_has_to_be_a_number(relay: Relay) -> None:
    """The refusal says what is expected."""
    assert await relay.get("/live?since=-1") == (
        400,
        {"error": "since='-1': expected a number of samples"},
    )


async def test_pages_of_other_origins_may_ask_why_they_are_refused(relay: Relay) -> None:
    """A browser's upgrade error has no words; the plain GET has, across origins too."""
    for path in ("/live", "/ws/a%2Fb", "/ws/alice"):
        async with aiohttp.request("GET", relay.http + path) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*", path
