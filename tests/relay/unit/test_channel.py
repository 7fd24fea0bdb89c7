"""Messages between two relays: bounded in time, however the other side moves."""

import socket
import threading
from collections.abc import Iterator

import pytest

from relay.edge.handover.channel import Channel, Gone, Silent


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the plain socket at its other end."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with here, there:
        yield Channel(here), there


def test_a_message_that_trickles_ends_with_the_time_for_all(
    pair: tuple[Channel, socket.socket],
) -> None:
    """Each byte comes in time, but a message of thousands of them would take minutes."""
    channel, there = pair
    is_over = threading.Event()
    there.sendall(b"LAST" + (5000).to_bytes(4, "big") + bytes(8))

    def trickle() -> None:
        while not is_over.wait(0.02):
            there.sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        channel.end_in(0.5)
        with pytest.raises(Silent):
            channel.receive()
    finally:
        is_over.set()
        thread.join()


def test_what_has_come_is_read_after_the_time_is_over(
    pair: tuple[Channel, socket.socket],
) -> None:
    """So a last look finds what was said in time."""
    channel, there = pair
    Channel(there).send("TOOK")
    channel.end_in(0)
    channel.stop_hearing()
    assert channel.receive().kind == "TOOK"
    with pytest.raises(Gone):
        channel.receive()


def test_a_reader_that_stalls_ends_a_send(pair: tuple[Channel, socket.socket]) -> None:
    """What the kernel does not take in time is not waited for."""
    channel, _ = pair
    channel.end_in(0.1)
    with pytest.raises(Silent):
        channel.send("ENTR", None, bytes(16 * 1024**2))
