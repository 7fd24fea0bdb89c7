"""What a client sends: it is heard at once, parsed in its turn, and may end the connection."""

import asyncio
from typing import Protocol

from relay.edge.runtime import Runtime
from relay.edge.watchdog import Watchdog
from relay.member.liveness import STALL
from relay.member.session import Session
from relay.wire.closing import Close, Reason


class Reading(Protocol):
    """A connection, as its reader sees it."""

    session: Session
    watchdog: Watchdog
    is_lost: bool

    @property
    def is_open(self) -> bool:
        """Whether it is in its room."""

    def close(self, close: Close, patience: float = STALL) -> None:
        """Say why, and end."""

    def answer_close(self) -> None:
        """The client's close frame has come."""


class Reader:
    """It has one connection, and the timer of a client that has to wait for its rates."""

    __slots__ = ("_connection", "_runtime", "_timer")

    def __init__(self, connection: Reading, runtime: Runtime) -> None:
        self._connection = connection
        self._runtime = runtime
        self._timer: asyncio.TimerHandle | None = None  # when its client is read on

    def receive(self, data: bytes) -> None:
        """Give the session what has come."""
        connection, runtime = self._connection, self._runtime
        session = connection.session
        connection.watchdog.hear(runtime.loop.time())
        try:
            problem = session.intake.feed(data)
        except Exception:
            runtime.journal.defect(session.user, session.room.name)
            problem = Reason.FAILED.close()
        if problem is not None:
            connection.close(problem, 0 if problem.reason is Reason.FAILED else STALL)
        elif session.inbox.is_closed:
            connection.answer_close()
        elif runtime.terms.account.held > runtime.roster.held_limit:
            runtime.roster.relieve(runtime.loop.time())

    def wake(self, at: float) -> None:
        """Go on at this time, in seconds of the event loop's clock; 0: when others had a turn."""
        runtime = self._runtime
        if at and self._connection.is_open:
            runtime.roster.note_slowed(at - runtime.loop.time())
            self._timer = runtime.loop.call_at(at, self.go_on)
        else:
            runtime.turns.add(self)

    def hurry(self) -> None:
        """What waits for the client's rates waits no longer: the client is about to go."""
        if self._connection.session.intake.waits:
            self.stop()
            self._runtime.turns.add(self)

    def go_on(self) -> None:
        """What the client has sent, and waits, has its turn."""
        connection = self._connection
        if not connection.is_lost:
            intake = connection.session.intake
            connection.session.liveness.hear(self._runtime.loop.time())  # its silence was ours
            if data := intake.next():
                self.receive(data)
            intake.adjust()

    def catch_up(self) -> None:
        """Parse all that the client has sent, whether it is time or not."""
        while data := self._connection.session.intake.drop():
            self.receive(data)

    def stop(self) -> None:
        """Wait for no time any more."""
        if self._timer is not None:
            self._timer.cancel()
