"""The relay alone, behind a proxy of the machine: by the blocks that the docs give."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from infra.watch.witness import Swarm
from tests.lab import engine
from tests.lab.engine import BIN, ROOT, run
from tests.lab.ports import free_ports, until_listening
from tests.lab.waiting import LIMIT
from tests.stack.test_make_up import Make, copy, make

__all__ = ["copy", "make"]  # fixtures

_RELAY = 10001
_DOCS = (ROOT / "docs/own-proxy.md").read_text()


def _block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", _DOCS, re.S)
    assert match is not None
    return match[1]


@pytest.fixture
def sockets(copy: Path) -> Iterator[Path]:
    """The directory of the relay's socket, as the docs have it made."""
    if os.geteuid():
        engine.refuse("only root makes a directory of the relay's user")
    folder = copy / "sockets"
    folder.mkdir()
    os.chown(folder, _RELAY, _RELAY)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def _nginx(folder: Path, socket: Path) -> Iterator[str]:
    """Debian's, with the docs' block, without TLS; yields where it serves."""
    if shutil.which("nginx") is None:
        engine.refuse("no nginx here: apt-get install nginx-light")
    (port,) = free_ports("127.0.0.1", 1)
    block = re.sub(r" +ssl_certificate.*\n| +listen \[.*\n", "", _block("nginx"))
    block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    block = block.replace("/var/log/nginx/relay.log", str(folder / "access.log"))
    settings = folder / "nginx.conf"
    settings.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;\n"
        f"events {{}}\nhttp {{\n{block.replace('/run/relay/relay.sock', str(socket))}}}\n"
    )
    with _running(["nginx", "-p", str(folder), "-c", str(settings)], port) as url:
        yield url


@contextmanager
def _caddy(folder: Path, socket: Path) -> Iterator[str]:
    """Not in a container, with the docs' block, without TLS; yields where it serves."""
    (port,) = free_ports("127.0.0.1", 1)
    block = _block("caddy").replace("relay.example.org", f"http://127.0.0.1:{port}")
    settings = folder / "Caddyfile"
    block = block.replace("/run/relay/relay.sock", str(socket))
    settings.write_text(f"{{\n\tadmin off\n\tpersist_config off\n}}\n{block}")
    command = [str(BIN / "caddy"), "run", "--config", str(settings), "--adapter", "caddyfile"]
    with _running(command, port) as url:
        yield url


@contextmanager
def _running(command: list[str], port: int) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_listening(process, "127.0.0.1", port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _relay(copy: Path) -> str:
    return run("docker", "compose", "--project-directory", copy, "ps", "-q", "relay")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Clients without a limit of connections."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


@pytest.mark.parametrize("proxy", [_nginx, _caddy])
async def test_nobody_behind_it_notices_the_next_relay(
    proxy: Callable[[Path, Path], AbstractContextManager[str]],
    make: Make,
    copy: Path,
    sockets: Path,
    session: aiohttp.ClientSession,
) -> None:
    """`make up` twice: clients stay, addresses are their own, metrics and tokens are kept in."""
    settings = {
        "COMPOSE_FILE": "docker-compose.yml:docker-compose.own-proxy.yml",
        "RELAY_SOCKET_DIRECTORY": str(sockets),
        "MAX_CONNECTIONS_PER_IP": "50",
    }
    up = await asyncio.to_thread(make, "up", **settings)
    assert up.returncode == 0, up.stdout
    assert "the relay serves" in up.stdout
    before = _relay(copy)
    with proxy(copy, sockets / "relay.sock") as address:
        swarm = Swarm(
            *(session, f"ws://{address}"),
            room="swarm",
            rooms=5,
            clients=10,
            rate=2,
            tokens={},
            patience=LIMIT,
        )
        async with swarm.connected():
            claim = {"X-Forwarded-For": "203.0.113.1"}
            with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
                await session.ws_connect(f"ws://{address}/ws/late", headers=claim)
            relay = copy / "relay" / "__main__.py"
            relay.write_text(relay.read_text() + "\n# another image\n")
            up = await asyncio.to_thread(make, "up", **settings)
            assert up.returncode == 0, up.stdout
            await swarm.hush()
            figures = swarm.figures()
        for path in ("/metrics", "//metrics", "/%6detrics", "/metrics/"):
            async with session.get(f"http://{address}{path}") as answer:
                assert answer.status == 404, path
        async with session.post(f"http://{address}/rooms/x/messages?token=secret", data="x") as ok:
            assert ok.status == 202, await ok.text()
    after = _relay(copy)
    assert before != after
    assert (figures["closes"], figures["failure"]) == ({}, "")
    assert (figures["lost"], figures["repeated"], figures["reordered"]) == (0, 0, 0)
    log = copy / "access.log"
    if log.exists():
        assert "POST /rooms/x/messages" in log.read_text()
        assert "secret" not in log.read_text()


async def test_a_relay_that_publishes_a_port_is_replaced_by_the_next(
    make: Make, copy: Path, sockets: Path, session: aiohttp.ClientSession
) -> None:
    """For a proxy without Unix sockets: members are asked to come back, and reach the new one."""
    line = re.search(r'`(ports: \["127\.0\.0\.1:)8080(:8080"\])`', _DOCS)
    assert line is not None
    (port,) = free_ports("127.0.0.1", 1)
    (copy / "port.yml").write_text(f"services:\n  relay:\n    {line[1]}{port}{line[2]}\n")
    settings = {
        "COMPOSE_FILE": "docker-compose.yml:docker-compose.own-proxy.yml:port.yml",
        "RELAY_SOCKET_DIRECTORY": str(sockets),
    }
    up = await asyncio.to_thread(make, "up", **settings)
    assert up.returncode == 0, up.stdout
    before, where = _relay(copy), f"ws://127.0.0.1:{port}/ws/room"
    member = await session.ws_connect(where)
    relay = copy / "relay" / "__main__.py"
    relay.write_text(relay.read_text() + "\n# another image\n")
    told = asyncio.create_task(member.receive())
    up = await asyncio.to_thread(make, "up", **settings)
    assert up.returncode == 0, up.stdout
    assert _relay(copy) != before
    assert (await told).data == 1012
    await (await session.ws_connect(where)).close()
