"""A WebSocket as the author of a scenario uses it, over a socket pair."""

import json
from collections.abc import Iterator
from struct import pack
from types import SimpleNamespace

import gevent
import gevent.socket
import pytest
from aiohttp import WSMsgType

from wsload.client.connection import Connection
from wsload.client.failures import Closed, NoAnswer
from wsload.client.handshake import Opened
from wsload.client.mailbox import Mailbox, MailboxFeed
from wsload.client.websocket import WebSocket


class _Server:
    """The other end."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        ours, self.peer = gevent.socket.socketpair()
        mailbox = Mailbox(lambda error: self.errors.append(repr(error)))
        opened = Opened(ours, b"", {"sec-websocket-protocol": "chat.v1"})
        self.connection = Connection(
            opened,
            lambda control: MailboxFeed(mailbox, control),
            SimpleNamespace(received_bytes=0, sent_bytes=0),
            lambda _: None,
        )
        self.socket = WebSocket(self.connection, mailbox, opened)
        self.connection.start(b"")

    def says(self, *messages: str | bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        for message in messages:
            payload = message.encode() if isinstance(message, str) else message
            self.peer.send(pack("!BB", 0x80 | kind, len(payload)) + payload)

    def heard(self) -> bytes:
        """One message of the client, unmasked."""
        frame: bytes = self.peer.recv(1000)
        key, body = frame[2:6], frame[6:]
        return bytes(byte ^ key[index % 4] for index, byte in enumerate(body))


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    with gevent.Timeout(20):
        yield server
        server.peer.close()
        server.socket.wait_closed()


def test_what_is_said_comes_as_it_was_said(server: _Server) -> None:
    server.says("text")
    server.says(b"\x00\x01", kind=WSMsgType.BINARY)
    assert [server.socket.expect(), server.socket.expect()] == ["text", b"\x00\x01"]
    assert server.socket.subprotocol == "chat.v1"


def test_mappings_are_sent_as_json(server: _Server) -> None:
    server.socket.send({"login": "me"})
    assert json.loads(server.heard()) == {"login": "me"}


@pytest.mark.parametrize(
    "match",
    [
        '{"type": "welcome", "n": 1}',
        {"type": "welcome"},
        lambda message: "welcome" in message,
    ],
)
def test_a_match_may_be_a_message_its_members_or_a_function(server: _Server, match: object) -> None:
    """What does not match stays for whoever wants it."""
    server.says("hello", "[]", '{"type": "other"}', '{"type": "welcome", "n": 1}')
    assert server.socket.expect(match, 5) == '{"type": "welcome", "n": 1}'  # type: ignore[arg-type]
    assert server.socket.expect() == "hello"


def test_an_answer_comes_after_its_question(server: _Server) -> None:
    """What lay there before is none."""
    server.says("pong")
    server.socket.expect("pong")
    server.says("pong")
    gevent.sleep(0.05)
    asking = gevent.spawn(server.socket.call, "ping", "pong", 5)
    assert server.heard() == b"ping"
    assert not asking.ready()
    server.says("pong")
    assert asking.get() == "pong"


def test_what_does_not_come_in_time_is_said(server: _Server) -> None:
    with pytest.raises(NoAnswer, match=r"no message that matches came within 0.05 s"):
        server.socket.expect("never", 0.05)


def test_listeners_take_what_is_theirs(server: _Server) -> None:
    taken: list[object] = []
    server.socket.listen({"type": "position"}, taken.append)
    server.says('{"type": "position"}', "mine", '{"type": "position"}')
    assert server.socket.expect() == "mine"
    with pytest.raises(NoAnswer):
        server.socket.expect({"type": "position"}, 0.05)
    assert len(taken) == 2


def test_who_waits_is_told_of_the_end(server: _Server) -> None:
    waiting = gevent.spawn(server.socket.expect, "never", 10)
    gevent.sleep(0.02)
    server.says(pack("!H", 1008) + b"not here", kind=WSMsgType.CLOSE)
    with pytest.raises(Closed, match=r'the connection is over: 1008 rule broken \("not here"\)'):
        waiting.get()
    with pytest.raises(Closed, match="the connection is over"):
        server.socket.send("hello")
    with pytest.raises(Closed):
        server.socket.expect("never")


def test_round_trips_of_pings_are_told(server: _Server) -> None:
    trips: list[float] = []
    server.connection.on_round_trip = trips.append
    server.says(b"12345678", kind=WSMsgType.PONG)  # nobody asked for it
    server.connection.ping()
    server.says(server.heard(), kind=WSMsgType.PONG)
    server.says("after")
    server.socket.expect("after")
    assert len(trips) == 1
    assert 0 <= trips[0] < 20


def test_a_listener_that_fails_does_not_end_the_connection(server: _Server) -> None:
    """The server used to be told off for it: `1002 protocol error`."""
    server.socket.listen({"type": "bad"}, lambda _: {"a": 1}["missing"])
    server.says('{"type": "bad"}', "next")
    assert server.socket.expect() == "next"
    assert server.errors == ["KeyError('missing')"]
    assert server.socket.is_open
