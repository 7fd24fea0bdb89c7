"""The load tester over three relays, each of which dies, drains or is replaced meanwhile."""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab.ports import lasting_ports
from tests.nats.server import NatsServer
from tests.process import ROOT, Relay
from tests.relay.handover.succession import Succession
from wsload.report.verdict import Word

_CLIENTS = 300
_ROOMS = 10
_PATIENCE = 120  # seconds for all to be in
_FAULTS = ("lost", "missed", "unread", "repeated", "reordered", "disordered")


async def _all_in(relays: Sequence[Relay]) -> None:
    """Return when all clients are at these relays, and some more has been said there since."""
    async with asyncio.timeout(_PATIENCE):
        while await _sum(relays, "relay_connections") != _CLIENTS:
            await asyncio.sleep(0.1)
        before = await _sum(relays, "relay_messages_total")
        while await _sum(relays, "relay_messages_total") < before + _CLIENTS:
            await asyncio.sleep(0.1)


async def _sum(relays: Sequence[Relay], metric: str) -> float:
    return sum([await relay.metric(metric) for relay in relays])


@pytest.mark.timeout(600)  # a machine that is busy takes its time with 300 clients and 6 relays
async def test_three_hundred_clients_lose_nothing(server: NatsServer, tmp_path: Path) -> None:
    """Every ledger exact, and one order in each room, whoever sent and wherever it was heard."""
    # What somebody missed who is away for long on a busy machine has to be held.
    settings: dict[str, Any] = {
        "NATS_URL": server.url,
        "HISTORY_SIZE": "16MB",
        "HISTORY_AGE": "10m",
    }
    ports = lasting_ports("127.0.0.1", 3)
    reports = tmp_path / "reports"
    async with AsyncExitStack() as stack:

        async def start(port: int) -> Relay:
            relay = await Relay.start(PORT=str(port), DRAIN_WINDOW="1s", **settings)
            stack.push_async_callback(relay.kill)
            return relay

        succession = Succession(tmp_path, "relay", settings)
        stack.push_async_callback(succession.kill)
        one, two, three = await asyncio.gather(
            start(ports[0]), start(ports[1]), succession.next(PORT=str(ports[2]))
        )
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "loadtest", "--clients", str(_CLIENTS), "--rooms", str(_ROOMS)),
            *("--host", ",".join(f"ws://127.0.0.1:{port}" for port in ports)),
            *("--sender-every", "10", "--interval", "250", "--payload", "256"),
            *("--reconnect", "--protocol", "relay.v1", "--one-order"),
            *("--require", ",".join(f"{fault}=0" for fault in _FAULTS)),
            *("--duration", "3600", "--settle", "60", "--report", str(reports)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = asyncio.create_task(load.communicate())
        try:
            await _all_in([one, two, three])
            await one.kill()
            await _all_in([two, three])
            one = await start(ports[0])
            assert await two.stop() == 0
            await _all_in([one, three])
            two = await start(ports[1])
            before = three
            three = await succession.next()
            async with asyncio.timeout(_PATIENCE):
                await before.logged("handed over")
            await before.stop()
            await _all_in([one, two, three])
            load.send_signal(signal.SIGINT)
            output = (await asyncio.wait_for(said, 2 * _PATIENCE))[0].decode()
        finally:
            if load.returncode is None:
                load.kill()
            await asyncio.wait([said])
        for relay in (one, two, three, before):
            assert not [line for line in relay.log if "defect" in line], relay.log
    (report,) = reports.glob("*.json")
    result = json.loads(report.read_text())
    metrics = result["metrics"]
    assert not [remark for remark in result["remarks"] if remark[0] == "FAILED"], output
    assert load.returncode == Word.INCOMPLETE.exit_code, output  # it was interrupted
    assert metrics["delivered"] == (_CLIENTS // _ROOMS - 1) * metrics["sent"] > 0
    assert [metrics[fault] for fault in _FAULTS] == [0] * len(_FAULTS), output
    assert metrics["returned"] >= 200  # all of the first relay, and at least as many of the second
