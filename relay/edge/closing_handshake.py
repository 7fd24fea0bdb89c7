"""The end of a connection that the relay closes: the closing handshake (RFC 6455 §7.1.2) in time.

The client may take its backlog until the session's deadline. Once it has everything, it has
`CLOSE_TIMEOUT` seconds for its own close frame or the end of its stream. A client that does not
answer is reset.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from relay.edge.kernel import unacknowledged
from relay.member.ending import CLOSE_TIMEOUT
from relay.member.session import Session

_STEP: Final = 0.1  # seconds between two looks at what the client has acknowledged


class ClosingHandshake:
    """It begins when the session begins to leave, and ends with the socket.

    `unsent` is how many bytes the client had not been sent when it was reset.
    """

    __slots__ = ("_ending", "_loop", "_session", "_timer", "_transport", "unsent")

    def __init__(
        self, session: Session, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        assert session.ending is not None
        self.unsent = 0
        self._ending = session.ending
        self._loop = loop
        self._session = session
        self._transport = transport
        self._timer = loop.call_at(session.ending.reset_at, self.reset)

    def go_on(self) -> None:
        """Wait for the client's answer if it has been given everything; end if it has answered."""
        session = self._session
        if session.is_over or session.outbox.is_open or not session.outbox.is_empty:
            return  # it is over, or has not said why yet, or that is still to be sent
        if session.inbox.is_closed:
            self._transport.close()
        else:
            self._await_acknowledgement()

    def reset(self) -> None:
        """Close the socket at once, whatever the client has."""
        self.unsent = self._session.outbox.waiting()
        self._transport.abort()

    def stop(self) -> None:
        """The socket is gone, or another process has it."""
        self._timer.cancel()

    def _await_acknowledgement(self) -> None:
        """Reset the client some time after it has everything: then it does not answer."""
        now = self._loop.time()
        if now < self._ending.deadline and unacknowledged(self._transport):
            self._call_at(now + _STEP, self._await_acknowledgement)
        else:
            self._call_at(now + CLOSE_TIMEOUT, self.reset)

    def _call_at(self, at: float, callback: Callable[[], None]) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_at(at, callback)
