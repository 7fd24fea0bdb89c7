"""The load generator's WebSockets: plain sockets that send bytes somebody else has framed."""

import json
import re
import socket
import time
from collections.abc import Sequence
from typing import Final
from urllib.request import urlopen

_JOINED: Final = 30.0  # seconds for all to be in the room
PROTOCOL: Final = "relay.v1"  # whose clients are told more than messages
# A text frame of U+0000 and one JSON object without objects in it. Messages are binary here.
NOTES: Final = re.compile(rb"\x81(?:[\x00-\x7d]|\x7e..)\x00\{\"type\":[^}]*\}", re.DOTALL)
MASK: Final = b"\x5a\xc3\x1e\x77"  # any; a server has to unmask with it all the same


class Client:
    """One WebSocket: a socket, what is still to be sent, and the start of an unfinished frame.

    `phase` is when it sends within an interval, 0 to 1: clients do not send all at once.
    """

    def __init__(self, index: int, phase: float, port: int, *, is_annotated: bool) -> None:
        self.index = index
        self.is_annotated = is_annotated  # it speaks `PROTOCOL`
        self.phase = phase
        self.tail = b""
        self.unsent = b""
        self.sent = 0  # messages built
        self.is_open = True
        self._port = port

    def ask(self) -> None:
        """Connect and send the handshake."""
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        offer = f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n" if self.is_annotated else ""
        self.socket.sendall(
            f"GET /ws/client-{self.index} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{offer}"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def enter(self) -> None:
        """Wait for its answer, and for the first note if there are any: then it may send."""
        answer = self._receive()
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(answer.decode(errors="replace"))
        self.tail = answer.partition(b"\r\n\r\n")[2]
        while self.is_annotated and not NOTES.search(self.tail):
            self.tail += self._receive()
        self.socket.setblocking(False)

    def _receive(self) -> bytes:
        data = self.socket.recv(4096)
        if not data:
            raise ConnectionError("server closed the connection during the handshake")
        return data

    def send(self) -> None:
        if self.unsent and self.is_open:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except BlockingIOError:
                pass
            except ConnectionError:
                self.is_open = False


def connect(
    count: int,
    senders: int,
    ports: Sequence[int],
    at_once: int = 100,
    *,
    annotated: bool = False,
) -> list[Client]:
    """Open `count` WebSockets, `at_once` at a time, spread over the ports."""
    clients = [
        Client(index, index % senders / senders, ports[index % len(ports)], is_annotated=annotated)
        for index in range(count)
    ]
    for start in range(0, count, at_once):
        some = clients[start : start + at_once]
        for client in some:
            client.ask()
        for client in some:
            client.enter()
    return clients


def await_members(count: int, ports: Sequence[int]) -> None:
    """Return when each relay says that so many are in the lobby; raise `TimeoutError`.

    Where a shared log decides who is in a room, that is later than the answer to the handshake.
    """
    end = time.monotonic() + _JOINED
    for port in ports:
        while (found := _members(port)) != count:
            if time.monotonic() > end:
                raise TimeoutError(f"{found} of {count} clients have joined in {_JOINED:g} s")
            time.sleep(0.02)


def _members(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/rooms/lobby", timeout=_JOINED) as answer:
        return int(json.load(answer)["count"])
