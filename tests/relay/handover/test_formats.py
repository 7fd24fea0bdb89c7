"""What has come and is not parsed yet moves, also to the release before this."""

import asyncio
from pathlib import Path

import pytest

from tests.raw import RawClient, encode
from tests.relay.handover.succession import succession

_FOREIGN = "tests.relay.handover.foreign"
_COUNT = 3000


@pytest.mark.parametrize(
    "release", [{}, {"module": _FOREIGN, "FORMAT": "2"}], ids=["this", "before"]
)
async def test_flood_that_is_slowed_loses_nothing(tmp_path: Path, release: dict[str, str]) -> None:
    """In order, whatever waits for its turn or for its rate when the other takes over."""
    async with succession(tmp_path, MESSAGE_RATE="1000") as relays:
        with await RawClient.connect(relays.listen, "/ws/flooder") as flooder:
            async with relays.unix("ear") as ear:
                flood = b"".join(encode(2, number.to_bytes(2, "big")) for number in range(_COUNT))
                await flooder.send(flood)
                assert await ear.recv() == b"\0\0"
                await relays.next(**release)
                async with asyncio.timeout(60):
                    for number in range(1, _COUNT):
                        assert await ear.recv() == number.to_bytes(2, "big")
