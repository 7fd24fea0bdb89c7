"""What a client sends: it is heard at once, parsed in its turn, and may end the session."""

import asyncio

from relay.edge.runtime import Runtime
from relay.edge.watchdog import Watchdog
from relay.member.liveness import STALL
from relay.member.session import Session
from relay.wire.closing import Reason


class Reader:
    """It has one session, and the timer of a client that has to wait for its rates."""

    __slots__ = ("_runtime", "_session", "_timer", "_watchdog")

    def __init__(self, session: Session, watchdog: Watchdog, runtime: Runtime) -> None:
        self._session = session
        self._watchdog = watchdog
        self._runtime = runtime
        self._timer: asyncio.TimerHandle | None = None  # when its client is read on

    def receive(self, data: bytes) -> None:
        """Give the session what has come."""
        session, runtime = self._session, self._runtime
        self._watchdog.hear(runtime.terms.clock())
        try:
            problem = session.intake.feed(data)
        except Exception:
            runtime.connection_log.defect(session.user, session.room.name)
            problem = Reason.FAILED.close()
        if problem is not None:
            session.close(problem, 0 if problem.reason is Reason.FAILED else STALL)
        elif session.inbox.is_closed:
            session.answer_close()
        elif runtime.terms.account.held > runtime.roster.held_limit:
            runtime.roster.relieve(runtime.loop.time())

    def wake(self, at: float) -> None:
        """Go on at this time, in seconds of the event loop's clock; 0: when others had a turn."""
        runtime = self._runtime
        self.stop()
        if at and self._session.is_open:
            runtime.roster.note_slowed(at - runtime.loop.time())
            self._timer = runtime.loop.call_at(at, self.go_on)
        else:
            runtime.turns.add(self)

    def go_on(self) -> None:
        """Parse what has waited; the client could not be heard meanwhile."""
        session = self._session
        if not session.is_over:
            session.liveness.hear(self._runtime.loop.time())
            if data := session.intake.next():
                self.receive(data)
            session.intake.adjust()

    def stop(self) -> None:
        """Wait for no time any more."""
        if self._timer is not None:
            self._timer.cancel()
