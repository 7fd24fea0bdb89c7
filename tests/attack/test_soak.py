"""Churn for a long time: what is held is what was held before."""

import asyncio

import pytest

from tests.attack.conftest import Besiege
from tests.attack.crowd import crowd
from tests.raw import RawClient, encode

_GROWTH = 1.05  # of resident memory, between the middle and the end


async def _churn(besiege: Besiege, seconds: float) -> None:
    async with besiege(HISTORY_SIZE="100KB", HISTORY_AGE="5s") as siege:

        async def visit(number: int) -> None:
            path = f"/ws/visitor-{number}?room=hall-{number % 7}&history=10"
            with await RawClient.connect(siege.port, path) as it:
                for size in (1, 100, 70_000):
                    await it.send(encode(2, bytes(size)))
                await it.send(encode(9, b"?"))
                while (frame := await it.read()) and frame.opcode != 10:
                    pass

        async with crowd(20, visit):
            await asyncio.sleep(seconds / 2)
            middle = await siege.relay.metric("process_resident_memory_bytes")
            await asyncio.sleep(seconds / 2)
            end = await siege.relay.metric("process_resident_memory_bytes")
        print(f"resident {middle / 1e6:.1f} MB, then {end / 1e6:.1f} MB")
        assert end < middle * _GROWTH + (0 if seconds > 60 else 30_000_000)


async def test_churn(besiege: Besiege) -> None:
    """A few seconds of it."""
    await _churn(besiege, 6)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_ten_minutes_of_churn(besiege: Besiege) -> None:
    """Within 5 %."""
    await _churn(besiege, 600)
