"""Bursts: what many clients do at the same time, each of them a little, before anybody looks."""

import asyncio
import contextlib

from tests.attack.cellar import POST, cellar
from tests.attack.conftest import Besiege
from tests.attack.crowd import members, opened
from tests.raw import RawClient, encode
from tests.relay.annotated import open_raw

MEGABYTE = 1_000_000


async def test_backlogs_that_are_begun_at_once(besiege: Besiege) -> None:
    """A thousand slow readers take a little at the same time: for each, entries are joined."""
    async with besiege() as siege:
        readers = await members(siege.port, 1500, "/ws/reader-{}?room=hall", receive_buffer=4096)
        with await RawClient.connect(siege.port, "/ws/talker?room=hall") as talker:
            for _ in range(2):
                for _ in range(40):  # of these a part is with the kernel
                    await talker.send(encode(2, bytes(16_000)))
                    await talker.send(encode(9, b"!"))
                    await talker.read()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(10):
                        await asyncio.gather(*(reader.sip(1 << 18) for reader in readers))
        await siege.lasts(1)
        for reader in readers:
            reader.close()


async def test_large_message_to_slow_readers_of_notes(besiege: Besiege) -> None:
    """It is put together with its notes once, not for each of them: 60 times 9 MB."""
    async with besiege() as siege:
        query = "room=hall&session=one-of-many&attempt=1"
        readers = [
            await open_raw(siege.port, f"/ws/reader-{number}?{query}", receive_buffer=4096)
            for number in range(60)
        ]
        with await RawClient.connect(siege.port, "/ws/talker?room=hall") as talker:
            for _ in range(2):
                for size in (*[20_000] * 20, 9 * MEGABYTE):
                    await talker.send(encode(2, bytes(size)))
                    await talker.send(encode(9, b"!"))
                    await talker.read()
                for _ in range(8):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await asyncio.gather(*(reader.sip(1 << 18) for reader in readers))
        await siege.lasts(1)
        for reader in readers:
            reader.close()


async def test_requests_of_many_that_come_at_once(besiege: Besiege) -> None:
    """Behind those that wait for their room: 256 KB of each are read before it is looked at all."""
    async with besiege() as siege:
        second = POST.replace(b"Length: 1", b"Length: 999999").removesuffix(b"!")
        async with cellar(siege):
            for _ in range(3):
                visitors = [await opened(siege.port, POST) for _ in range(450)]
                for visitor in visitors:
                    with contextlib.suppress(OSError):
                        visitor.send(second + bytes(400_000))  # what the kernel takes
                await siege.lasts(1)
                for visitor in visitors:
                    visitor.close()
