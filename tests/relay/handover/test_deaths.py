"""Whichever side dies, and wherever in a handover: one of the two serves, never both or neither."""

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from tests.process import NotStarted
from tests.relay.handover.succession import say_and_hear, succession

DYING = "tests.relay.handover.dying"
EARLY = ("got HELO", "send LIST", "sent CONN", "send COPY", "got DONE", "send LAST")


@pytest.mark.parametrize(
    "step",
    [
        "send HELO",
        "got OKAY",
        "got CONN",
        "got CONN#2",
        "got COPY",
        "got LAST",
        "send REDY",
        "sent REDY",
        "got YOUR",
        "send TOOK",
    ],
)
async def test_relay_goes_on_when_its_successor_dies(tmp_path: Path, step: str) -> None:
    """After connecting, with half of the descriptors, with all, before and after "ready"."""
    async with succession(tmp_path, module=DYING, DIE="", FILES="20") as relays:
        members = [relays.relay.connect(f"member-{index}") for index in range(40)]
        members += [relays.unix(f"unix-{index}") for index in range(10)]
        clients = await asyncio.gather(*members)
        port, old = relays.relay.port, relays.relay
        with pytest.raises(NotStarted) as ended:
            await relays.next(DIE=step)
        assert ended.value.code == 9
        await say_and_hear_all(clients, "still the old one")
        assert (await old.get("/health"))[1]["count"] == 50
        # And the next one takes over as if nothing had been.
        await relays.next()
        assert relays.relay.port == port
        await old.kill()
        await say_and_hear_all(clients, "now the new one")
        await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.parametrize("step", ["got REDY", "send YOUR", "sent YOUR", "got TOOK", "sent LAST"])
async def test_successor_serves_when_the_old_relay_dies_late(tmp_path: Path, step: str) -> None:
    """From when the successor has everything."""
    async with succession(tmp_path, module=DYING, DIE=step) as relays:
        members = [relays.relay.connect(f"member-{index}") for index in range(5)]
        clients = await asyncio.gather(*members, relays.unix("unix"))
        old = relays.relay
        await relays.next(DIE="")
        assert await old.process.wait() == 9
        await say_and_hear_all(clients, "now the new one")
        await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.parametrize("step", EARLY)
async def test_successor_begins_anew_when_the_old_relay_dies_early(
    tmp_path: Path, step: str
) -> None:
    """Its members are lost with it, as in any crash; the port and the sockets are not."""
    async with succession(tmp_path, module=DYING, DIE=step) as relays:
        members = [relays.relay.connect(f"member-{index}") for index in range(40)]
        clients = await asyncio.gather(*members)
        port = relays.relay.port
        await relays.next(DIE="")
        assert relays.relay.port == port
        async with relays.relay.connect("alice") as alice, relays.unix("bob") as bob:
            await say_and_hear(alice, bob, "a new beginning")
        for client in clients:
            await client.wait_closed()


async def say_and_hear_all(clients: list[ClientConnection], text: str) -> None:
    """Have the first say something, and all others hear it."""
    await clients[0].send(text)
    async with asyncio.timeout(30):
        for client in clients[1:]:
            assert await client.recv() == text
