"""Sessions of `relay.v1` go on in a successor: their numbers, their place, and who is awaited."""

import asyncio
from pathlib import Path

from tests.relay.annotated import Annotated, Message
from tests.relay.handover.succession import succession
from tests.relay.issuer import Issuer
from tests.relay.sockets.tokens import closed


async def test_sessions_of_relay_v1_notice_nothing(tmp_path: Path) -> None:
    """They count on, hear on, and whoever was cut before comes back without a gap."""
    async with succession(tmp_path, LEAVE_GRACE="1h") as relays:
        relay = relays.relay
        async with relay.connect("bob") as bob:
            alice = await Annotated.connect(relay, "alice")
            carol = await Annotated.connect(relay, "carol")
            await alice.socket.send("1")
            assert await bob.recv() == "1"
            assert await carol.messages(1) == ["1"]
            carol.cut()
            await relay.count("lobby", 2)
            await bob.send("while carol is away")
            await relays.next()
            await alice.socket.send("2")
            assert await bob.recv() == "2"
            while alice.place.acked < 2:
                await alice.read()
            await bob.send("3")
            while (heard := await alice.message()) != Message("bob", "3"):
                assert heard == Message("bob", "while carol is away")
            again = await Annotated.connect(relays.relay, "carol", carol.place)
            assert (again.welcome["gap"], again.welcome["count"]) == (False, 3)
            assert await again.messages(3) == ["while carol is away", "2", "3"]
            await again.socket.send("\0" + '{"type":"ping"}')
            assert await again.note("pong") == {"type": "pong"}
            alice.cut()
            again.cut()


async def test_fresh_token_that_waits_for_its_key_is_checked_by_the_successor(
    tmp_path: Path,
) -> None:
    """The client has sent it once: nobody would ask for it again."""
    issuer = Issuer()
    async with (
        issuer.serving() as url,
        succession(tmp_path, module="tests.relay.handover.patient", JWKS_URL=url) as relays,
        await Annotated.connect(relays.relay, "alice", token=issuer.token("alice")) as alice,
    ):
        issuer.rotate("second")
        issuer.stalls = issuer.asked + 1
        await alice.say("token", token=issuer.token("alice", can_publish=False))
        while issuer.asked < issuer.stalls:
            await asyncio.sleep(0.01)
        await relays.next()
        await alice.socket.send("no longer allowed")
        assert await closed(alice.socket) == (1008, "token does not allow to publish")
