"""Witnesses reckon as the load tester does, over real connections."""

import asyncio
import signal

import aiohttp

from infra.watch.witness import Swarm, Witness
from tests.conftest import StartRelay
from wsload.account.account import Account


def _swarm(session: aiohttp.ClientSession, base: str) -> Swarm:
    return Swarm(session, base, room="swarm", rooms=2, clients=3, rate=50, tokens={})


async def _said(swarm: Swarm, least: int) -> None:
    """Wait until they have said so much, and everybody has heard it."""
    while (found := swarm.audit()).sent < least or found.delivered < 2 * least:
        await asyncio.sleep(0.02)


async def test_undisturbed_witnesses_lose_nothing(start_relay: StartRelay) -> None:
    relay = await start_relay()
    async with aiohttp.ClientSession() as session:
        swarm = _swarm(session, relay.http.replace("http", "ws"))
        async with swarm.connected():
            await _said(swarm, 60)
            await swarm.hush()
        figures = swarm.figures()
    assert (figures["clients"], figures["reconnected"]) == (6, 0)
    assert figures["said"] >= 60
    wrong = ("lost", "missed", "unread", "repeated", "reordered", "leaked", "corrupted")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert (figures["split"], figures["closes"]) == (0, {})
    assert figures["silence"] > 0


def test_silence_is_the_longest_time_between_two_messages() -> None:
    """What came before the first one is none: nobody may have spoken yet."""
    witness = Witness("here", Account("here", 0, joined=0, echo=False, checked=True))
    for moment in (50.0, 50.5, 52.0, 52.1):
        witness.hear(moment)
    assert witness.silence == 1.5


async def test_witnesses_come_back_and_tell_what_they_missed(start_relay: StartRelay) -> None:
    """Another relay takes the port of one that is stopped."""
    relay = await start_relay()
    async with aiohttp.ClientSession() as session:
        swarm = _swarm(session, relay.http.replace("http", "ws"))
        async with swarm.connected():
            await _said(swarm, 30)
            await relay.stop(signal.SIGTERM)
            await start_relay(PORT=str(relay.port))
            await swarm.back(1)
            await _said(swarm, swarm.audit().sent + 30)
            await swarm.hush()
        figures = swarm.figures()
        found = swarm.audit()
    assert figures["reconnected"] == 6
    assert figures["closes"] == {"1012": 6}
    assert figures["back_max"] > 0
    assert (figures["lost"], figures["repeated"], figures["reordered"]) == (0, 0, 0)
    # On a slow machine somebody speaks before all are known to be there: that is not owed.
    not_owed = 2 * found.sent - (found.delivered - found.early + found.missed + found.unread)
    assert found.early <= not_owed < found.sent // 10
