"""The longest test comes first by name, so that the others run beside it."""

import asyncio
import time

from tests.lab.stack import Stack

_SILENCE = 180.0  # seconds: longer than the idle timeouts that proxies have by default


async def test_a_client_that_says_nothing_for_three_minutes_is_still_there(stack: Stack) -> None:
    """Nothing between client and relay has an idle timeout: pings are all that passes."""
    until = time.monotonic() + _SILENCE
    async with stack.connect("silent", room="silence") as silent:
        # The silence is what is tested: there is no condition to wait for.
        await asyncio.sleep(until - time.monotonic())
        async with stack.connect("waker", room="silence") as waker:
            await waker.send("good morning")
            assert await silent.recv() == "good morning"
