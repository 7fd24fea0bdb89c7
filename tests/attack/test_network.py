"""A network that dies: packets are dropped, and nobody says goodbye."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.attack.conftest import Besiege
from tests.process import ROOT

_NAME = f"relay-{os.getpid()}"
_HERE, _THERE = f"ra{os.getpid() % 10**6}", f"rb{os.getpid() % 10**6}"
_INTERVAL = 2.0  # seconds between pings

_CLIENT = """
import asyncio, sys
from tests.raw import RawClient, handshake, encode
import socket
async def main():
    sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    sock.setblocking(False)
    client = RawClient(sock)
    await client.send(handshake("/ws/ghost?room=hall"))
    assert (await client.answer()).startswith(b"HTTP/1.1 101")
    print("joined", flush=True)
    while frame := await client.read():
        if frame.opcode == 9:
            await client.send(encode(10, frame.payload))
asyncio.run(main())
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace that reaches this one; the address of this side in between."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("a network namespace is made by root, with iproute2")
    number = os.getpid() % 200
    ours, theirs = f"198.18.{number}.1", f"198.18.{number}.2"
    try:
        _ip("netns", "add", _NAME)
        _ip("link", "add", _HERE, "type", "veth", "peer", "name", _THERE, "netns", _NAME)
        _ip("addr", "add", f"{ours}/30", "dev", _HERE)
        _ip("link", "set", _HERE, "up")
        _ip("-n", _NAME, "addr", "add", f"{theirs}/30", "dev", _THERE)
        _ip("-n", _NAME, "link", "set", _THERE, "up")
    except subprocess.CalledProcessError as error:
        subprocess.run(["ip", "netns", "del", _NAME], check=False, capture_output=True)
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    yield ours
    _ip("netns", "del", _NAME)


async def test_dead_network_is_noticed_and_the_name_is_free(
    besiege: Besiege, namespace: str
) -> None:
    """Within one and a half intervals between pings."""
    async with besiege(LISTEN_ADDRESS="*", PING_INTERVAL=f"{_INTERVAL:g}s") as siege:
        client = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", _NAME, shutil.which("python3") or "python3", "-c", _CLIENT),
            *(namespace, str(siege.port)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert client.stdout is not None
            assert await client.stdout.readline() == b"joined\n"
            await siege.relay.count("hall", 1)
            _ip("link", "set", _HERE, "down")  # packets go nowhere from here on
            began = asyncio.get_running_loop().time()
            await siege.relay.count("hall", 0)
            seconds = asyncio.get_running_loop().time() - began
            print(f"gone after {seconds:.1f} s, with a ping each {_INTERVAL:g} s")
            await siege.relay.logged("ghost left hall: 4002")
            async with siege.relay.connect("ghost", room="hall"):
                pass
        finally:
            with suppress(ProcessLookupError):
                client.kill()
            await client.wait()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
