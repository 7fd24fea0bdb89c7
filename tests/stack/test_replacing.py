"""Replacing a relay, restarting it, reloading Caddy: who is told what, how soon all are back."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from websockets.exceptions import ConnectionClosed

from infra.witness import Swarm
from tests.lab import engine
from tests.lab import stack as lab
from tests.lab.engine import run
from tests.lab.stack import Stack
from tests.lab.waiting import LIMIT, until
from tests.stack.conftest import RunStack

_ROOMS = 20
_CLIENTS = 10  # per room
_SIZE = _ROOMS * _CLIENTS


@asynccontextmanager
async def _swarm(stack: Stack) -> AsyncIterator[Swarm]:
    """200 clients by TLS that stay, each saying something every two seconds."""
    async with stack.session() as session:
        swarm = Swarm(
            *(session, "wss://localhost"),
            room="swarm",
            rooms=_ROOMS,
            clients=_CLIENTS,
            rate=0.5,
            tokens={},
            patience=LIMIT,
        )
        async with swarm.connected():
            yield swarm


def _is_healthy(stack: Stack, container: str) -> bool:
    return str(stack.inspect(container)["State"]["Health"]["Status"]) == "healthy"


async def test_a_start_first_replacement_drops_no_handshake(run_stack: RunStack) -> None:
    """200 clients by TLS: none fails to connect, all are told 1012, all come back."""
    stack = run_stack()
    (old,) = stack.containers("relay")
    async with _swarm(stack) as swarm:
        await stack.composed(
            "up", "-d", "--no-deps", "--no-recreate", "--scale", "relay=2", "relay"
        )
        (new,) = set(stack.containers("relay")) - {old}
        await asyncio.to_thread(until, lambda: _is_healthy(stack, new), "the new relay is healthy")
        await asyncio.to_thread(run, "docker", "stop", old)
        await swarm.back(1)
        figures = swarm.figures()
    assert figures["handshakes_failed"] == 0, figures["failure"]
    assert figures["closes"] == {"1012": _SIZE}
    print(f"longest gap {figures['back_max']:.2f} s, median {figures['back_median']:.2f} s")


async def test_a_restart_of_the_only_relay_brings_everybody_back(run_stack: RunStack) -> None:
    """All are told 1012, and come back by themselves."""
    stack = run_stack()
    (relay,) = stack.containers("relay")
    async with _swarm(stack) as swarm:
        await stack.composed("restart", "relay")
        await asyncio.to_thread(until, lambda: _is_healthy(stack, relay), "it is healthy again")
        await swarm.back(1)
        assert swarm.figures()["closes"] == {"1012": _SIZE}


def test_a_relay_that_is_away_is_looked_for_here_and_nowhere_else(
    run_stack: RunStack, tmp_path: Path
) -> None:
    """Docker asks the host's name server for a name that it does not know, and Caddy lets all wait
    for the answer: where that takes seconds, nobody would get in although the relay is back."""
    address = engine.gateway()
    # One port for all that test on this machine: a container's name server has no other.
    with engine.alone("name-server"), _name_server(address) as asked:
        override = f"services: {{caddy: {{dns: [{address}]}}}}"
        (tmp_path / "docker-compose.override.yml").write_text(override)
        stack = run_stack()
        stack.compose("stop", "--timeout", "0", "relay")
        assert "503" in stack.curl("http://localhost/ready", "-i")
        stack.compose("exec", "-T", "caddy", "wget", "-q", "http://example.org", check=False)
        names = {query[12:] for query in asked()}
        assert any(name.startswith(b"\x07example\x03org\0") for name in names)
        assert not any(name.startswith(b"\x05relay") for name in names)


@contextmanager
def _name_server(address: str) -> Iterator[Callable[[], list[bytes]]]:
    """One that knows no name and answers at once; returns what it was asked so far."""
    queries: list[bytes] = []
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        try:
            server.bind((address, 53))
        except OSError as error:  # not on the machine that runs the containers
            engine.refuse(f"no name server on {address}: {error}")

        def serve() -> None:
            while (received := server.recvfrom(4096))[0]:
                query, client = received
                queries.append(query)
                # The question again, as an answer (RFC 1035 §4.1.1) with NXDOMAIN.
                server.sendto(query[:2] + b"\x81\x83" + query[4:], client)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield lambda: list(queries)
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


async def test_a_changed_caddyfile_cuts_nobody_before_stream_close_delay(
    run_stack: RunStack,
) -> None:
    """A reload serves new requests at once, and old WebSockets for as long as was promised."""
    stack = run_stack(STREAM_CLOSE_DELAY="6s")
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
        assert time.monotonic() - started > 5.5


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
