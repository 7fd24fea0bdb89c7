"""An open WebSocket as the author of a scenario uses it: send, expect, call, listen."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import WSMsgType

from wsload.client.closes import Close
from wsload.client.connection import Connection, State
from wsload.client.failures import Closed, NoAnswer
from wsload.client.frames import deflated, frame
from wsload.client.handshake import Opened
from wsload.client.mailbox import Mailbox, Match, Message

TIMEOUT = 5.0  # seconds that an answer may take, unless the call says otherwise


class WebSocket:
    """One connection to any WebSocket server. Text is `str`, binary is `bytes`; a mapping or a list
    is sent as JSON text."""

    def __init__(self, connection: Connection, mailbox: Mailbox, opened: Opened) -> None:
        """`mailbox` gets what `connection` receives."""
        self._connection = connection
        self._mailbox = mailbox
        self.subprotocol = opened.subprotocol
        """The one that the server chose; empty: none."""
        self.headers = opened.headers
        """Of the server's answer, by names in lower case."""
        connection.closed.rawlink(lambda _: mailbox.abandon(self._ended()))

    @property
    def is_open(self) -> bool:
        return self._connection.state is State.OPEN

    @property
    def close_seen(self) -> Close | None:
        """How it ended; none: it has not."""
        return self._connection.close_seen

    def send(self, message: Message | Mapping[str, Any] | list[Any]) -> None:
        """Send a message now. Raises `Closed`."""
        if not self.is_open:
            raise Closed(self._ended())
        if isinstance(message, Mapping | list):
            message = json.dumps(message, separators=(",", ":"))
        kind = WSMsgType.TEXT if isinstance(message, str) else WSMsgType.BINARY
        payload = message.encode() if isinstance(message, str) else message
        make = deflated if self._connection.compressed else frame
        self._connection.write([make(kind, payload)])

    def expect(self, match: Match = None, timeout: float = TIMEOUT) -> Message:
        """The first message that matches: one that has come and nobody has taken, or the next.
        Raises `NoAnswer`, or `Closed` where the connection ends before."""
        try:
            # What has come before the end can still be had.
            return self._mailbox.take(match, timeout if self.is_open else 0)
        except NoAnswer:
            if self.is_open:
                raise
            raise Closed(self._ended()) from None

    def call(
        self,
        message: Message | Mapping[str, Any] | list[Any],
        match: Match = None,
        timeout: float = TIMEOUT,
    ) -> Message:
        """Send `message`; the first one that matches and came after it. Raises as `expect`."""
        self.send(message)
        return self._mailbox.take(match, timeout, only_new=True)

    def listen(self, match: Match, listener: Callable[[Message], object]) -> None:
        """Have `listener` called with every message that matches, in the background. It must not
        block; nobody else gets these messages."""
        self._mailbox.listen(match, listener)

    def close(self, code: int = 1000) -> None:
        """Close from our side, and wait for the server's answer, not for long."""
        self._connection.shut(code)

    def wait_closed(self) -> Close:
        """Wait until it is over."""
        self._connection.closed.wait()
        assert self._connection.close_seen is not None
        return self._connection.close_seen

    def _ended(self) -> str:
        close = self._connection.close_seen
        return f"the connection is over: {close.sentence if close else 'closing'}"
