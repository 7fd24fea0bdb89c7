"""An independent observer: it times the same messages with a library that nobody here wrote, and
comes to the same percentiles.
"""

import asyncio
import time
from struct import unpack_from

import pytest
from websockets.asyncio.client import connect

from tests.wsload.conftest import LoadTest, StartRelay


async def test_percentiles_are_those_of_an_independent_observer(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """A delay of 300 ms on every tenth message, far above what either adds: the same share is slow,
    by as much. The observer is a member of the same room, and takes the intended time from byte 12
    of what it receives."""
    relay = faulty_relay("--delay-message-every", "10", "--delay", "0.3")
    seen: list[float] = []

    async def observe() -> None:
        async with connect(f"{relay.host}/ws/observer?room=den", proxy=None) as socket:
            joined.set()
            async for message in socket:
                assert isinstance(message, bytes)
                seen.append(1000 * (time.time() - unpack_from("<d", message, 12)[0]))

    joined = asyncio.Event()
    task = asyncio.create_task(observe())
    await joined.wait()
    run = await asyncio.to_thread(
        loadtest, relay.host, "--room", "den", "--interval", "20", "--duration", "4"
    )
    task.cancel()
    assert run.metrics["lost"] == 0
    assert len(seen) == run.metrics["sent"]
    slow = sum(latency > 250 for latency in seen) / len(seen)
    counted = sum(count for edge, count in run.result["distribution"] if edge > 250)
    assert counted / run.metrics["delivered"] == pytest.approx(slow, abs=0.03)
    seen.sort()
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        own = seen[int(share * len(seen)) - 1]
        # What the schedulers of two processes differ by, on a busy machine too.
        assert run.metrics[name] == pytest.approx(own, rel=0.25, abs=60)


def test_a_server_that_stands_still_is_charged_for_every_message(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """No coordinated omission: in a stall of two seconds messages go on being due, so a good part
    of all is late by up to two seconds, not one message of each sender."""
    run = loadtest(faulty_relay("--stall-at", "100").host, "--interval", "20", "--duration", "4")
    assert run.metrics["max"] > 1900
    late = sum(count for edge, count in run.result["distribution"] if edge > 500)
    assert late / run.metrics["delivered"] > 0.2
