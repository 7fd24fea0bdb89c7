"""What one client sends at once is parsed in turns, and not faster than its rates."""

from relay.member.intake import FRAMES, FREE
from relay.settings import Settings
from tests.raw import encode
from tests.relay.unit.moving import Relay
from tests.relay.unit.people import Loop
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport


async def test_flood_in_one_read_is_parsed_in_turns() -> None:
    """Ten thousand messages of one client must not stall every room."""
    loop = Loop()
    runtime = make_runtime(loop.call_soon)
    transport = Transport(10**9)
    alice = connect(runtime, "alice", transport)
    flood = encode(2, b"") * 10_000
    receive(alice, flood[:60_000])
    assert alice.session.inbox.published == FRAMES
    assert not transport.reads
    passes = 0
    while not transport.reads:
        before = alice.session.inbox.published
        loop.run_once()
        assert alice.session.inbox.published - before <= FREE // 6  # the last of it is not cut
        passes += 1
    assert alice.session.inbox.published == 10_000
    assert passes >= 10


async def test_turns_are_shared() -> None:
    """However many flood, one pass parses a bounded number of messages."""
    loop = Loop()
    runtime = make_runtime(loop.call_soon)
    clients = [connect(runtime, f"client-{number}", Transport(10**9)) for number in range(40)]
    for client in clients:
        receive(client, encode(2, b"") * 10_000)
    for _ in range(20):
        before = sum(client.session.inbox.published for client in clients)
        loop.run_once()
        assert sum(client.session.inbox.published for client in clients) - before <= 8 * FRAMES
    shares = [client.session.inbox.published for client in clients]
    assert max(shares) - min(shares) <= FRAMES


async def test_cut_falls_between_frames_of_any_length() -> None:
    """Also where a frame began in the read before, and where its header is not whole."""
    for size in (0, 125, 126, 70_000):
        loop = Loop()
        runtime = make_runtime(loop.call_soon)
        alice = connect(runtime, "alice", Transport(10**9))
        stream = encode(2, bytes(size)) + encode(1, b"x") * 3000 + encode(2, bytes(size))
        for start in range(0, len(stream), 9_001):
            receive(alice, stream[start : start + 9_001])
            while alice.session.intake.waits:
                loop.run_once()
        assert alice.session.inbox.published == 3002
        assert alice.session.inbox.unfinished == 0


async def test_what_waits_is_dropped_with_the_client() -> None:
    """Its turn comes, and nothing is parsed."""
    loop = Loop()
    runtime = make_runtime(loop.call_soon)
    alice = connect(runtime, "alice", Transport(10**9))
    receive(alice, encode(2, b"") * 10_000)
    alice.connection_lost(None)
    published = alice.session.inbox.published
    loop.run_once()
    assert alice.session.inbox.published == published


async def test_room_that_waits_holds_what_is_not_parsed() -> None:
    """It is parsed when the room goes on."""
    loop = Loop()
    runtime = make_runtime(loop.call_soon)
    transport = Transport(10**9)
    alice = connect(runtime, "alice", transport)
    alice.session.room.hold(alice.session)
    receive(alice, encode(2, b"") * 10_000)
    for _ in range(5):
        loop.run_once()
    assert alice.session.inbox.published == FRAMES
    alice.session.release()
    while not transport.reads:
        loop.run_once()
    assert alice.session.inbox.published == 10_000


async def test_client_beyond_its_rate_is_read_later() -> None:
    """And is not cut off; pings count."""
    relay = _relay(Settings(message_rate=10))
    client = relay.clients[0]
    for number in range(12):
        client.send(9 if number % 2 else 2, b"x")
    client.read(10**6)
    assert client.connection.session.intake.waits
    assert not client.wire.reads
    assert not client.wire.has_ended
    assert relay.runtime.roster.slowed == 1


async def test_what_is_due_is_handed_over() -> None:
    """The rate goes on, and so does what is not parsed."""
    relay = _relay(Settings(message_rate=10))
    client = relay.clients[0]
    for _ in range(3000):
        client.send(2, b"")
    client.read(10**6)
    before = client.connection.session.intake.snapshot()
    assert before.rest
    assert before.due[0] > 0
    relay.move()
    assert client.connection.session.intake.snapshot() == before
    assert not client.wire.reads


def _relay(settings: Settings) -> Relay:
    relay = Relay(settings)
    relay.join("alice", "lobby")
    relay.join("bob", "lobby")
    return relay
