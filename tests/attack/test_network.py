"""A network that dies: packets are dropped, and nobody says goodbye."""

import asyncio
import shutil
from contextlib import suppress

from tests.attack.conftest import Besiege
from tests.network import namespace
from tests.process import ROOT

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


async def test_dead_network_is_noticed_and_the_name_is_free(besiege: Besiege) -> None:
    """Within one and a half intervals between pings."""
    settings = {"LISTEN_ADDRESS": "*", "PING_INTERVAL": f"{_INTERVAL:g}s"}
    with namespace() as network:
        async with besiege(**settings) as siege:
            client = await asyncio.create_subprocess_exec(
                *(*network.within, shutil.which("python3") or "python3", "-c", _CLIENT),
                *(network.here, str(siege.port)),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                assert client.stdout is not None
                assert await client.stdout.readline() == b"joined\n"
                await siege.relay.count("hall", 1)
                network.unplug()  # packets go nowhere from here on
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
