"""Two relays and their clients: one room, one order."""

from tests.process import Relay
from tests.relay.annotated import Annotated


async def test_members_of_two_relays_hear_each_other(relays: list[Relay]) -> None:
    """Raw ones, in both directions."""
    one, two = relays
    async with one.connect("alice") as alice, two.connect("bob") as bob:
        await two.count("lobby", 2)
        await one.count("lobby", 2)
        await alice.send("hi")
        assert await bob.recv() == "hi"
        await bob.send(b"yo")
        assert await alice.recv() == b"yo"


async def test_a_session_goes_on_at_another_relay(relays: list[Relay]) -> None:
    """Its cursor counts there; nothing is lost or repeated."""
    one, two = relays
    async with await Annotated.connect(one, "bob") as bob:
        alice = await Annotated.connect(one, "alice")
        await alice.socket.send("1")
        await bob.socket.send("2")
        assert (await alice.message()).data == "2"
        while alice.place.acked != 1:
            await alice.read()
        await bob.socket.send("3")
        alice.cut()
        async with await Annotated.connect(two, "alice", alice.place) as again:
            assert again.welcome["gap"] is False
            assert again.welcome["received"] == 1
            assert sorted(again.welcome["members"]) == ["alice", "bob"]
            assert (await again.message()).data == "3"
            await again.socket.send("4")
            assert await bob.messages(2) == ["1", "4"]
