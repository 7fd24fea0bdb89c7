"""Replacing a relay, restarting it, reloading Caddy: who is told what, how soon all are back."""

import asyncio
import time

import pytest
from websockets.exceptions import ConnectionClosed

from tests.lab import stack as lab
from tests.lab.engine import ROOT, run
from tests.lab.stack import Stack
from tests.lab.waiting import until
from tests.stack.conftest import RunStack
from tests.stack.swarm import SIZE, connected, is_healthy, start_beside

_DELAY = 15.0  # seconds: a busy machine needs some of them for what has to happen before
_REHEARSAL = ROOT / "infra" / "templates" / "rehearsal.yml"


async def test_a_relay_beside_takes_over_and_no_client_notices(run_stack: RunStack) -> None:
    """200 clients by TLS: none is closed, no message is lost, and those who come are let in."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    async with connected(stack) as swarm:
        new = await asyncio.to_thread(start_beside, stack, old)
        await asyncio.to_thread(until, lambda: is_healthy(stack, new), "the new relay is healthy")
        async with stack.connect("late", room="swarm-0") as late:
            await late.recv()
        said = f"handed over {SIZE} connections"
        await asyncio.to_thread(until, lambda: said in run("docker", "logs", old), "it says so")
        await asyncio.to_thread(run, "docker", "stop", old)
        await asyncio.to_thread(run, "docker", "rm", old)
        await swarm.hush()
        figures = swarm.figures()
    assert (figures["closes"], figures["failure"]) == ({}, "")
    assert (figures["lost"], figures["repeated"], figures["reordered"]) == (0, 0, 0)


async def test_a_successor_that_cannot_start_leaves_the_one_that_serves_alone(
    run_stack: RunStack,
) -> None:
    """It is refused a setting, and ends: nobody is closed."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    async with connected(stack) as swarm:
        stack.env["WRITE_BUFFER_SIZE"] = "lots"
        new = await asyncio.to_thread(start_beside, stack, old)
        await asyncio.to_thread(
            until, lambda: stack.inspect(new)["RestartCount"] > 0, "the new relay has ended"
        )
        await asyncio.to_thread(run, "docker", "rm", "--force", new)
        await swarm.hush()
        figures = swarm.figures()
    assert (figures["closes"], figures["lost"]) == ({}, 0)


async def test_a_restart_of_the_only_relay_brings_everybody_back(run_stack: RunStack) -> None:
    """All are told 1012, and come back by themselves."""
    stack = run_stack()
    (relay,) = stack.containers("relay")
    async with connected(stack) as swarm:
        await stack.composed("restart", "relay")
        await asyncio.to_thread(until, lambda: is_healthy(stack, relay), "it is healthy again")
        await swarm.back(1)
        assert swarm.figures()["closes"] == {"1012": SIZE}


async def test_a_rehearsal_never_asks_the_relay_that_serves(run_stack: RunStack) -> None:
    """It mounts nothing and both sockets are switched off, so it takes over nothing."""
    stack = run_stack()
    (serving,) = stack.containers("relay")
    name = f"{stack.project}-rehearsal"
    async with stack.connect("member") as member:
        files = ("--file", stack.folder / "docker-compose.yml", "--file", _REHEARSAL)
        try:
            await stack.composed(*files, "run", "-d", "--no-deps", "--name", name, "relay")
            await asyncio.to_thread(until, lambda: is_healthy(stack, name), "it is healthy")
            facts = stack.inspect(name)
        finally:
            await asyncio.to_thread(run, "docker", "rm", "--force", name)
        await member.ping()
    assert facts["Mounts"] == []
    assert {"LISTEN_SOCKET=", "HANDOVER_SOCKET="} <= set(facts["Config"]["Env"])
    said = run("docker", "logs", serving)
    assert "handed over" not in said
    assert "successor" not in said


async def test_a_changed_caddyfile_cuts_nobody_before_stream_close_delay(
    run_stack: RunStack,
) -> None:
    """A reload serves new requests at once, and old WebSockets for as long as was promised."""
    stack = run_stack(STREAM_CLOSE_DELAY=f"{_DELAY:.0f}s")
    caddyfile = stack.folder / "Caddyfile.docker"
    async with stack.connect("stays") as stays, stack.connect("speaks") as speaks:
        changed = caddyfile.read_text().replace("\tencode", "\theader X-Changed yes\n\n\tencode")
        caddyfile.write_text(changed)
        started = time.monotonic()
        await asyncio.to_thread(stack.reload)
        assert "X-Changed: yes" in stack.curl("http://localhost/ready", "-i")
        for number in range(5):
            await speaks.send(str(number))
            assert await stays.recv() == str(number)
        with pytest.raises(ConnectionClosed):
            await stays.recv()
        assert time.monotonic() - started > _DELAY - 0.5


async def test_a_reload_of_the_same_caddyfile_changes_nothing(stack: Stack) -> None:
    """WebSockets go on: a release that brings no new file may reload all the same."""
    async with stack.connect("same-a", room="same") as one, stack.connect("same-b", room="same"):
        await asyncio.to_thread(stack.reload)
        await one.ping()


def test_a_killed_relay_comes_back_by_itself(run_stack: RunStack) -> None:
    """Docker starts it again; Caddy finds it."""
    stack = run_stack()
    (relay,) = stack.containers("relay")
    before = stack.inspect(relay)["State"]["Pid"]
    lab.kill_process(relay)
    # The one that was killed no longer answers, so whoever does is the next.
    seconds = until(lambda: '"status":"healthy"' in _health(stack), "the relay is back")
    print(f"back after {seconds:.1f} s")
    after = stack.inspect(relay)
    assert after["State"]["Pid"] != before
    assert after["RestartCount"] == 1


def _health(stack: Stack) -> str:
    try:
        return stack.curl("http://localhost/health", "--max-time", "10")
    except AssertionError:
        return ""
