"""How a connection ends: what is on its way is sent, the client has it, and is let go."""

import asyncio
from typing import Final

from relay.edge.kernel import unacknowledged
from relay.edge.runtime import Runtime
from relay.member.ending import GOODBYE, Ending
from relay.member.session import Session
from relay.wire.frames import encode_close

_STEP: Final = 0.1  # seconds between two looks at what a closing client has acknowledged


class Farewell:
    """The end of one connection, from the moment that it is decided: see `Ending`."""

    __slots__ = ("_is_over", "_runtime", "_session", "_timer", "_transport", "ending", "unsent")

    def __init__(
        self, ending: Ending, session: Session, transport: asyncio.Transport, runtime: Runtime
    ) -> None:
        self.ending = ending
        self.unsent = 0  # bytes, when it was cut off
        self._session = session
        self._transport = transport
        self._runtime = runtime
        self._is_over = False
        self._timer = runtime.loop.call_at(ending.reset_at, self.cut_off)

    def begin(self) -> bool:
        """Take no more than the end allows; return whether the client has all that it is to have.

        What it still waits for is told by `Owner.settled`.
        """
        session, ending = self._session, self.ending
        if ending.stops_parsing:
            session.inbox.stop()
        if not ending.settles:
            session.inbox.await_close()
            return True
        session.outbox.lift_limit()
        return session.room.settle(session)

    def say(self) -> None:
        """Say why, behind all that the client has been given."""
        frame = encode_close(self.ending.close)
        self._session.outbox.finish(frame, drop=self.ending.drops_backlog)
        self.go_on()

    def go_on(self) -> None:
        """When the kernel has everything, wait for the client to have it too, then let it go."""
        if self._is_over or not self._session.outbox.is_empty:
            return
        if self._session.inbox.is_closed:
            self._transport.close()
        else:
            self._await_acknowledgement()

    def cut_off(self) -> None:
        """Let the client go, whatever it has."""
        self.unsent = self._session.outbox.waiting()
        self._transport.abort()

    def stop(self) -> None:
        """The socket is gone, or another process has it."""
        self._is_over = True
        self._timer.cancel()

    def _await_acknowledgement(self) -> None:
        loop = self._runtime.loop
        now = loop.time()
        self._timer.cancel()
        sock = self._transport.get_extra_info("socket")
        if unacknowledged(sock) and now < self.ending.deadline:
            self._timer = loop.call_at(now + _STEP, self._await_acknowledgement)
        else:
            self._timer = loop.call_at(now + GOODBYE, self.cut_off)
