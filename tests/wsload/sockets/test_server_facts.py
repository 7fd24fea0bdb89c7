"""What a server tells of itself is not believed either: nothing of it may cost the verdict."""

import json
import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from wsload.client.address import Address
from wsload.report.server import loop_delays, relay_facts, slowed


@pytest.fixture
def answering() -> Iterator["_Answering"]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield _Answering(listener)


class _Answering:
    """A server with one answer for everybody."""

    def __init__(self, listener: socket.socket) -> None:
        self.answer = b""
        self.address = Address.parse(f"ws://127.0.0.1:{listener.getsockname()[1]}")
        Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:  # the test is over
                return
            with peer:
                peer.recv(65536)
                peer.sendall(self.answer)

    def tells(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\xff garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
     b"HTTP/1.1 200 OK\r\n\r\n[]", b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000],
    ids=["nothing", "garbage", "half", "a list", "deep"],
)  # fmt: skip
def test_an_answer_that_is_none_tells_nothing(answering: "_Answering", answer: bytes) -> None:
    """Garbage used to end the run without its verdict."""
    answering.answer = answer
    assert relay_facts(answering.address, None) == {}
    assert slowed(answering.address, None) == 0
    assert loop_delays(answering.address, None) == {}


def test_facts_of_the_wrong_kind_are_left_out(answering: "_Answering") -> None:
    answering.tells({"version": "1.0", "commit": {"a": 1}, "totals": {"slowed": None}})
    assert relay_facts(answering.address, None) == {"version": "1.0"}
    assert slowed(answering.address, None) == 0
    infinity = {"fields": ["time", "loop_delay"], "samples": [[float("inf"), 1.0]]}
    answering.tells(infinity)
    assert loop_delays(answering.address, None) == {}
