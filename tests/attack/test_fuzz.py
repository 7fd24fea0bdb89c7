"""Whatever bytes come, the relay answers or closes with a reason, and stays what it was."""

import asyncio
import contextlib
import os
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attack.conftest import Besiege
from tests.attack.crowd import opened
from tests.attack.siege import Siege
from tests.raw import encode, handshake

_IS_LONG = os.environ.get("ATTACK") == "long"
_SECONDS = 600.0 if _IS_LONG else 8.0
_EXAMPLES = 1_000_000 if _IS_LONG else 400

_FRAMES = st.builds(
    lambda opcode, payload, fin: encode(opcode, payload, fin=fin),
    st.integers(0, 15),
    st.binary(max_size=300),
    st.booleans(),
)
_STREAMS = st.lists(st.one_of(st.binary(max_size=40), _FRAMES), max_size=12).map(b"".join)
_WORDS = st.sampled_from(
    (
        *(b"GET ", b"POST ", b"/ws/", b"/rooms/", b"?room=", b" HTTP/1.1\r\n", b"Host: x\r\n"),
        *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Upgrade: websocket\r\n"),
        *(b"Connection: Upgrade\r\n", b"Expect: 100-continue\r\n", b"%FF", b"\x00", b"\xff"),
        *(b"\r\n", b"5"),
    )
)
_HEADS = st.lists(st.one_of(_WORDS, st.binary(max_size=8)), max_size=20).map(b"".join)


async def test_random_bytes(besiege: Besiege) -> None:
    """As frames behind a handshake, and as requests."""
    async with besiege(MAX_MESSAGE_SIZE="1KB", PING_INTERVAL="2s") as siege:
        loop = asyncio.get_running_loop()
        until = loop.time() + _SECONDS

        def play() -> None:
            @settings(
                max_examples=_EXAMPLES,
                deadline=timedelta(seconds=30),
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(_STREAMS, _HEADS)
            def attack(stream: bytes, head: bytes) -> None:
                if loop.time() < until:
                    asyncio.run_coroutine_threadsafe(_attack(siege, stream, head), loop).result()

            attack()

        await asyncio.to_thread(play)
        assert not [line for line in siege.relay.log if "defect" in line or "Traceback" in line]


async def _attack(siege: Siege, stream: bytes, head: bytes) -> None:
    for data in (handshake("/ws/fuzz?room=hall&echo=1") + stream, head + b"\r\n\r\n"):
        with await opened(siege.port, data) as sock, contextlib.suppress(OSError):
            async with asyncio.timeout(0.02):
                await asyncio.get_running_loop().sock_recv(sock, 4096)
