"""One connection over a socket pair, with aiohttp's own reader at the other end."""

from array import array
from collections.abc import Callable, Iterator
from math import inf
from struct import pack
from typing import Any

import gevent.socket
import pytest
from aiohttp import WSMessage, WSMsgType
from aiohttp.http import WebSocketReader

from wsload.account.account import Account
from wsload.account.payload import HEADER, Origin, Writer
from wsload.account.verifier import Verifier
from wsload.client.clock import now
from wsload.client.closes import Side
from wsload.client.connection import Connection, State
from wsload.client.feed import Feed
from wsload.client.frames import frame
from wsload.client.handshake import Opened
from wsload.run.inbox import Desk, Inbox
from wsload.run.recorder import Counters
from wsload.run.sender import Sender

_KEY, _SENT = Origin(1, 0, 0, 2).key, 1000.0


class _Collected(Feed):
    """Keeps messages, as the other end of a connection would."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)
        self.messages: list[WSMessage] = []

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        self.messages.append(data)


class _Pair:
    """A connection, and the socket of its peer."""

    def __init__(self, wrapped: Callable[[Any], Any] = lambda sock: sock) -> None:
        ours, self.peer = gevent.socket.socketpair()
        self.counters = Counters()
        self.account = Account("me", Origin(1, 0, 0, 1).key, joined=0.0, echo=False, checked=True)
        verifier = Verifier(1, 0)
        verifier.expect(_KEY, array("d", [_SENT]))
        desk = Desk(verifier, self.counters)
        self.connection = Connection(
            Opened(wrapped(ours), b"", {}),
            lambda control: Inbox(self.account, desk, control),
            self.counters,
            lambda _: None,
        )
        self.connection.start(b"")

    def until(self, condition: Any) -> None:
        """Let the loop run until `condition` holds."""
        with gevent.Timeout(5):
            while not condition():
                gevent.sleep(0.001)

    def received(self, count: int) -> list[WSMessage]:
        """The next `count` messages at the peer's end, unmasked."""
        inbox = _Collected()
        reader = WebSocketReader(inbox, 1 << 26, compress=False, decode_text=False)
        with gevent.Timeout(5):
            while len(inbox.messages) < count:
                reader.feed_data(self.peer.recv(65536))
        return inbox.messages


@pytest.fixture
def pair() -> Iterator[_Pair]:
    pair = _Pair()
    yield pair
    pair.peer.close()
    pair.until(lambda: pair.connection.state is State.CLOSED)


def _unmasked(opcode: WSMsgType, payload: bytes) -> bytes:
    """A server's frame of less than 126 bytes."""
    return pack("!BB", 0x80 | opcode, len(payload)) + payload


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_size_arrive(pair: _Pair, size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    pair.connection.write([frame(WSMsgType.BINARY, payload[:size])])
    assert pair.received(1)[0].data == payload[:size]


def test_messages_are_counted_even_in_pieces(pair: _Pair) -> None:
    message = _unmasked(WSMsgType.BINARY, bytes(Writer(_KEY, 28).payload(0, _SENT)))
    for byte in message:
        pair.peer.send(bytes([byte]))
        gevent.sleep(0)
    pair.until(lambda: pair.account.received == 1)
    assert sum(pair.counters.received.values()) == 1
    assert pair.counters.received_bytes == len(message)


def test_pings_are_answered(pair: _Pair) -> None:
    pair.peer.send(_unmasked(WSMsgType.PING, b"are you there"))
    assert pair.received(1)[0][:2] == (WSMsgType.PONG, b"are you there")


def test_close_of_the_relay_is_answered_and_named(pair: _Pair) -> None:
    pair.peer.send(_unmasked(WSMsgType.CLOSE, pack("!H", 4001) + b"backlog"))
    assert pair.received(1)[0][:2] == (WSMsgType.CLOSE, 4001)
    close = pair.connection.close_seen
    assert close is not None
    assert (close.side, str(close), close.reason) == (Side.SERVER, "4001 too slow", "backlog")


def test_end_without_a_close_frame_is_1006(pair: _Pair) -> None:
    pair.peer.close()
    pair.until(pair.connection.closed.is_set)
    assert str(pair.connection.close_seen) == "1006 lost without a close frame"


def test_what_is_no_websocket_is_a_protocol_error(pair: _Pair) -> None:
    pair.peer.send(b"\xff\xff\xff\xff")
    pair.until(pair.connection.closed.is_set)
    assert str(pair.connection.close_seen) == "1002 protocol error"


class _Records:
    """A socket as TLS makes it: a read gives one record at most."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        return bytes(self._sock.recv(min(size, 16 * 1024)))

    def pending(self) -> int:
        return 0


@pytest.mark.parametrize("wrapped", [lambda sock: sock, _Records], ids=["TCP", "TLS"])
def test_a_reader_that_is_behind_is_known(wrapped: Callable[[Any], Any]) -> None:
    """With TLS it never was: so closes for the generator's slow reading were the server's."""
    pair = _Pair(wrapped)
    pair.peer.send(_unmasked(WSMsgType.PING, b"little"))
    pair.received(1)
    assert pair.connection.behind == 0
    size = 200_000
    gevent.spawn(pair.peer.sendall, pack("!BBQ", 0x82, 127, size) + bytes(size))
    pair.until(lambda: pair.connection.behind > 0)
    pair.peer.close()
    pair.until(pair.connection.closed.is_set)


def test_own_close_waits_for_the_answer(pair: _Pair) -> None:
    closing = gevent.spawn(pair.connection.shut)
    assert pair.received(1)[0][:2] == (WSMsgType.CLOSE, 1000)
    assert not closing.ready()
    pair.peer.send(_unmasked(WSMsgType.CLOSE, pack("!H", 1000)))
    closing.join(timeout=5)
    assert closing.ready()
    assert pair.connection.close_seen is not None
    assert pair.connection.close_seen.side is Side.US


def test_what_a_stuck_peer_has_not_begun_to_read_is_taken_back(pair: _Pair) -> None:
    """It counts as never sent; what left arrives whole, in order."""
    begun = now()
    cadence = iter([begun] * 100_000)
    sender = Sender(
        pair.connection, pair.account, pair.counters, cadence, writer=Writer(1, 1000), interval=1.0
    )
    while not pair.connection.blocked:
        sender.send_due(begun)
    queued = len(pair.account.sent or ())
    sender.send_due(begun)
    assert len(pair.account.sent or ()) == queued  # nothing more while the peer does not read
    assert sender.due == inf  # and nobody asks again before it does
    resumed: list[bool] = []
    pair.connection.on_unblocked = lambda: resumed.append(sender.resume())
    withdrawn = sender.withdraw()
    sent = len(pair.account.sent or ())
    assert queued - sent == withdrawn > 0
    messages = pair.received(sent)
    assert [HEADER.unpack_from(message.data)[1] for message in messages] == list(range(sent))
    pair.until(lambda: resumed)
    assert resumed == [True]
    assert not pair.connection.blocked
    assert sender.due == begun


def test_what_is_no_payload_is_not_taken_back_for_one(pair: _Pair) -> None:
    """A text of the scenario's own used to take a payload that had left out of the account."""
    begun = now()
    sender = Sender(
        pair.connection, pair.account, pair.counters, iter([begun] * 100_000),
        writer=Writer(1, 1000), interval=1.0,
    )  # fmt: skip
    while not pair.connection.blocked:
        sender.send_due(begun)
    pair.connection.write([frame(WSMsgType.TEXT, b"who is there?")])
    sender.withdraw()
    sent = len(pair.account.sent or ())
    *payloads, last = pair.received(sent + 1)
    assert [HEADER.unpack_from(each.data)[1] for each in payloads] == list(range(sent))
    assert last.data == b"who is there?"


def test_what_had_not_left_when_the_relay_hung_up_was_never_sent(pair: _Pair) -> None:
    begun = now()
    cadence = iter([begun] * 100_000)
    sender = Sender(
        pair.connection, pair.account, pair.counters, cadence, writer=Writer(1, 1000), interval=1.0
    )
    while not pair.connection.blocked:
        sender.send_due(begun)
    queued = len(pair.account.sent or ())
    pair.peer.close()
    pair.until(pair.connection.closed.is_set)
    sender.withdraw()
    assert 0 < len(pair.account.sent or ()) < queued
