"""The benchmark's load generator finds what a server does wrong, exactly."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import floor

import numpy as np
import pytest
from aiohttp import WSMsgType, web

from bench.__main__ import main
from bench.comparison import HEADER
from bench.latencies import Latencies
from bench.load import Load, Result
from bench.run import measure
from tests.process import ROOT, Relay


@asynccontextmanager
async def faulty_relay(fault: str) -> AsyncIterator[int]:
    """A relay that treats every message right but for the tenth; yield its port."""
    peers: list[web.WebSocketResponse] = []

    async def connect(request: web.Request) -> web.WebSocketResponse:
        peer = web.WebSocketResponse(compress=False, autoping=False)
        await peer.prepare(request)
        peers.append(peer)
        number, held = 0, b""
        async for message in peer:
            if message.type is not WSMsgType.BINARY:
                continue
            number += 1
            out = [message.data]
            if number == 10 and fault == "lose":
                out = []
            elif number == 10 and fault == "repeat":
                out *= 2
            elif number == 10 and fault == "swap":
                out, held = [], message.data
            elif number == 11 and fault == "swap":
                out = [message.data, held]
            elif number == 10 and fault == "ping":
                for other in peers:
                    await other.ping(b"in between")
            elif number == 10 and fault == "close":
                await next(other for other in peers if other is not peer).close()
            for data in out:
                for other in peers:
                    if other is not peer and not other.closed:
                        await other.send_bytes(data)
        return peer

    app = web.Application()
    app.router.add_get("/ws/{username}", connect)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _measure(port: int, size: int = 128) -> Result:
    load = Load([port], clients=4, senders=1, rate=100, size=size, seconds=0.305)
    return await asyncio.to_thread(measure, load)


@pytest.mark.parametrize(
    ("fault", "missing", "wrong", "closed"),
    [
        ("none", 0, 0, 0),
        ("ping", 0, 0, 0),
        ("lose", 3, 0, 0),
        ("repeat", 0, 3, 0),
        ("swap", 0, 3, 0),
        ("close", 22, 0, 1),
    ],
)
async def test_each_fault_is_counted(fault: str, missing: int, wrong: int, closed: int) -> None:
    """Three receivers miss, repeat or swap one message each; a ping is no fault."""
    async with faulty_relay(fault) as port:
        result = await _measure(port)
    assert (result.missing, result.wrong, result.closed) == (missing, wrong, closed)
    assert result.is_exact is (fault in ("none", "ping"))


@pytest.mark.parametrize("size", [16, 125, 126, 1024])
async def test_relay_is_exact_for_messages_of_any_size(relay: Relay, size: int) -> None:
    """Header lengths differ; the arithmetic does not care."""
    result = await _measure(relay.port, size)
    assert result.is_exact
    assert result.deliveries == 3 * 31
    assert 0 < result.p50 <= result.p99 <= result.worst


@pytest.mark.parametrize("size", [16, 126])
async def test_notes_are_passed_over(relay: Relay, size: int) -> None:
    """Clients of `relay.v1` are told more than messages; their deliveries count alike."""
    load = Load([relay.port], 20, 5, rate=400, size=size, seconds=0.30525, annotated=True)
    result = await asyncio.to_thread(measure, load)
    assert result.is_exact
    assert result.deliveries == 19 * sum(
        floor(0.30525 * 400 - number / 5) + 1 for number in range(5)
    )


def test_percentiles_never_flatter() -> None:
    """They were the lower edges of buckets of 10 µs."""
    latencies = Latencies()
    assert latencies.percentile(0.99) == 0
    latencies.add(np.array([3, 19, 25]))
    assert [latencies.percentile(share) for share in (0.1, 0.5, 1.0)] == [0.01, 0.02, 0.03]


async def test_cpu_time_of_the_server_is_measured(relay: Relay) -> None:
    """Of a server whose process is not known it is zero, not a guess."""
    load = Load(
        [relay.port], clients=4, senders=1, rate=100, seconds=0.305, pids=[relay.process.pid]
    )
    result = await asyncio.to_thread(measure, load)
    assert 0 < result.cpu < 5
    assert result.cpu_each == pytest.approx(result.cpu * 1e6 / (3 * 31))
    assert (await _measure(relay.port)).cpu == 0


@pytest.mark.timeout(240)  # it starts six relays, one after the other
def test_two_trees_are_compared_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    """This one with itself: a line per figure, and no delivery lost on either side."""
    if len(os.sched_getaffinity(0)) < 2:
        assert "CI" not in os.environ, "a second core is missing"
        pytest.skip("needs a core for the server and one for the load")
    few = ["--seconds", "0.2", "--rest", "0.1", "--idle", "20"]
    rows = ["--rows", "light-1k", "silent", "rest"]
    assert main(["--against", str(ROOT), "--pairs", "1", *few, *rows]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"This is {ROOT}, the other {ROOT}." in lines
    table = [line.split(" | ")[:2] for line in lines[lines.index(HEADER.split("\n")[1]) + 1 :]]
    assert table == [
        *(["| light-1k", name] for name in ("CPU s", "CPU µs each", "p50 ms", "p99 ms")),
        ["| light-1k", "delivered/s"],
        *(["| silent", name] for name in ("KB each", "CPU %", "opened/s")),
        ["| rest", "CPU %"],
    ]
