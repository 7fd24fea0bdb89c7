"""Strangers: they rejoin, ask who is there, want names that others have, and take all sockets."""

import asyncio

import aiohttp

from tests.attack.conftest import Besiege
from tests.attack.crowd import crowd, drained, members, opened
from tests.raw import RawClient, encode, handshake


async def test_rejoiners_hold_a_room_for_a_short_time_only(besiege: Besiege) -> None:
    """They come back stuck; the room does not wait for 5 s each time."""
    async with besiege() as siege:

        async def rejoin(number: int) -> None:
            path = f"/ws/again-{number}?room=hall"
            with await RawClient.connect(siege.port, path, receive_buffer=4096):
                await asyncio.sleep(1)

        async def talk(number: int) -> None:
            with await RawClient.connect(siege.port, f"/ws/talker-{number}?room=hall") as it:
                while True:
                    await it.send(encode(2, bytes(20_000)))
                    await asyncio.sleep(0.01)

        async with crowd(20, rejoin), crowd(1, talk):
            await siege.lasts(4)


async def test_holder_of_a_name_is_asked_once_in_a_while(besiege: Besiege) -> None:
    """However many want it: 1,764 pings a second came to a victim."""
    async with besiege() as siege:
        with await RawClient.connect(siege.port, "/ws/victim?room=hall") as victim:
            pings = 0

            async def answer() -> None:
                nonlocal pings
                while frame := await victim.read():
                    assert frame.opcode == 9
                    pings += 1
                    await victim.send(encode(10, frame.payload))

            async def want(number: int) -> None:
                with await opened(siege.port, handshake("/ws/victim?room=hall")) as sock:
                    await drained(sock)

            async def look(number: int) -> None:
                async with aiohttp.request("GET", siege.relay.http + "/ws/victim?room=hall") as it:
                    assert it.status == 409

            answering = asyncio.create_task(answer())
            began = asyncio.get_running_loop().time()
            async with crowd(20, want), crowd(5, look):
                await siege.lasts(4)
            seconds = asyncio.get_running_loop().time() - began
            answering.cancel()
            assert pings <= seconds / 2 + 2


async def test_pollers(besiege: Besiege) -> None:
    """Who asks often for all rooms costs the members nothing."""
    async with (
        besiege(HISTORY_SIZE="1KB", HISTORY_AGE="4s") as siege,
        aiohttp.ClientSession() as session,
    ):
        for number in range(500):
            url = f"{siege.relay.http}/rooms/room-{number}/messages"
            async with session.post(url, data=b"here") as answer:
                assert answer.status == 202

        async def poll(number: int) -> None:
            path = ("/rooms", "/health", "/metrics", "/live")[number % 4]
            async with session.get(siege.relay.http + path) as answer:
                assert answer.status == 200
                await answer.read()

        async with crowd(20, poll):
            await siege.lasts(3)


async def test_pollers_of_many_small_messages(besiege: Besiege) -> None:
    """A hundred thousand in one entry: each look at the last one took 0.3 s of the loop."""
    async with besiege(HISTORY_SIZE="1MB") as siege:
        crowded = await members(siege.port, 100, "/ws/small-{}?room=hall")
        for client in crowded:
            await client.send(encode(1, b"") * 1300)

        async def poll(number: int) -> None:
            async with asyncio.timeout(5):
                await siege.relay.get("/rooms/hall/messages?limit=1")
                await siege.relay.get("/rooms")
                with await RawClient.connect(
                    siege.port, f"/ws/late-{number}?room=hall&history=1"
                ) as late:
                    await late.read()

        async with crowd(10, poll):
            await siege.lasts(3)
        for client in crowded:
            client.close()


async def test_sockets_of_one_address(besiege: Besiege) -> None:
    """All of them count until they are closed; with a limit of 5 there were 796 at once."""
    # The bystander is of the same address.
    async with besiege(MAX_CONNECTIONS_PER_IP="5", TRUSTED_PROXIES="192.0.2.1") as siege:
        before = siege.files
        most = 0

        async def come(number: int) -> None:
            head = handshake(f"/ws/guest-{number}?room=hall")
            with await opened(siege.port, head) as sock:
                async with asyncio.timeout(2):
                    await drained(sock)

        async with crowd(100, come):
            for _ in range(30):
                await asyncio.sleep(0.1)
                most = max(most, siege.files - before)
        # Its members, those being closed, others, those that are told why not, and three batches on
        # their way in and out.
        assert most <= 5 + 5 + 13 + 8 + 3 * 16
        assert [line for line in siege.relay.log if "429 127.0.0.1 has " in line]


async def test_full_relay_ends_connections_with_its_answer(besiege: Besiege) -> None:
    """Its sockets are wanted for others."""
    async with besiege(MAX_CONNECTIONS="4") as siege:
        guests = await members(siege.port, 2, "/ws/guest-{}?room=hall")
        with await opened(siege.port, handshake("/ws/one-more?room=hall")) as sock:
            answer = await drained(sock)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in answer.lower()
        for guest in guests:
            guest.close()


async def test_sockets_that_say_nothing(besiege: Besiege) -> None:
    """1,000 of them, of which the oldest go where there are more than their share."""
    async with besiege() as siege:
        sockets = [await opened(siege.port) for _ in range(1000)]
        async with siege.relay.connect("honest", room="hall"):
            pass
        await siege.lasts(1)
        for sock in sockets:
            sock.close()
