"""A message has to come on."""

from relay.member.pace import LEAST, WINDOW, Pace
from tests.raw import encode
from tests.relay.unit.runtime import connect, make_runtime, receive
from tests.relay.unit.transport import Transport


def test_message_that_does_not_come_on_is_noticed() -> None:
    """However many bytes of it are there already."""
    pace = Pace(0.0, 0, 880_000)
    assert pace.is_met(WINDOW - 1, 0, 880_000)
    assert not pace.is_met(WINDOW, 0, 880_000 + LEAST - 1)


def test_message_that_comes_slowly_may_end() -> None:
    """So many bytes in each window are enough."""
    pace = Pace(0.0, 0, 0)
    for window in range(1, 300):
        assert pace.is_met(window * (WINDOW - 1), 0, window * LEAST)


def test_each_message_has_its_own_time() -> None:
    """A client that always has one under way is no slow one."""
    pace = Pace(0.0, 0, 100)
    for number in range(1, 100):
        assert pace.is_met(number * (WINDOW - 1), number, 100)


async def test_client_whose_message_does_not_come_on_is_closed() -> None:
    """With what came of it, so that its author can see which it was."""
    runtime, transport = make_runtime(), Transport(10**6)
    alice = connect(runtime, "alice", transport)
    receive(alice, encode(2, bytes(1000))[:508])
    now = runtime.loop.time()
    alice.beat(now)
    assert alice.session.is_open
    alice.beat(now + WINDOW)
    assert transport.taken[2:4] == (4001).to_bytes(2, "big")
    assert transport.taken[4:] == b"message with 508 bytes so far has not come on for 60 s"


async def test_client_that_is_not_read_is_given_time() -> None:
    """Its room waits: the relay itself is why nothing comes."""
    runtime, transport = make_runtime(), Transport(10**6)
    alice = connect(runtime, "alice", transport)
    receive(alice, encode(2, bytes(1000))[:508])
    now = runtime.loop.time()
    alice.beat(now)
    alice.session.hold()
    alice.beat(now + WINDOW)
    alice.session.release()
    alice.beat(now + WINDOW)
    assert alice.session.is_open
