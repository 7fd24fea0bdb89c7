"""A server with one answer for everybody, whatever it is asked."""

import json
import socket
from contextlib import suppress
from threading import Thread

from wsload.client.address import Address


class Answering:
    """It answers until `listener` is shut down."""

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
            with peer, suppress(OSError):  # who asked may have gone
                peer.recv(65536)
                peer.sendall(self.answer)

    def tells(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
