"""Pings a silent client; closes for silence, a backlog that does not move, a token that expires."""

from relay.edge.alive_check import AliveCheck
from relay.edge.runtime import Runtime
from relay.member.liveness import STALL, Sign
from relay.member.pace import WINDOW
from relay.member.session import Session
from relay.wire.closing import Reason


def beat_period(interval: float) -> float:
    """Seconds between two looks at a connection: fine enough for every deadline it has."""
    return min(0.5, interval / 16)


class Watchdog:
    """It has one session, and closes it when its time is up."""

    __slots__ = ("_alive_check", "_runtime", "_session")

    def __init__(self, session: Session, runtime: Runtime) -> None:
        self._session = session
        self._runtime = runtime
        self._alive_check: AliveCheck | None = None  # the last one

    def hear(self, now: float) -> None:
        """Something has come from the client; `now` is in seconds of the event loop's clock."""
        self._session.liveness.hear(now)
        if self._alive_check is not None:
            self._alive_check.hear()

    def stop(self) -> None:
        """The socket is gone: whoever asks for the client need not wait."""
        if self._alive_check is not None:
            self._alive_check.hear()

    async def is_alive(self) -> bool:
        """Whether the client gives a sign of life within 2 s, or gave one to the last who asked."""
        if self._alive_check is None or not self._alive_check.is_recent:
            self._alive_check = AliveCheck(self._session, self._runtime.loop)
        return await self._alive_check.is_alive()

    @property
    def seems_alive(self) -> bool:
        """Whether it is there as far as is known, without asking it."""
        return self._alive_check is None or self._alive_check.seems_alive

    def check(self, now: float) -> None:
        """See whether the session's time is up; to be asked once in `Runtime.period`."""
        session = self._session
        outbox, liveness = session.outbox, session.liveness
        if outbox.is_blocked and liveness.has_stalled(now, session.owner.acknowledged()):
            if session.is_open:
                session.close(Reason.STUCK.close(backlog=outbox.waiting(), seconds=STALL))
            else:
                session.owner.abort()
        if not session.is_open:
            return
        inbox, runtime = session.inbox, self._runtime
        expires = session.options.expires
        if expires is not None and now >= expires:
            session.close(Reason.TOKEN_EXPIRED.close())
        elif (inbox.pieces or inbox.pace) and not inbox.comes_on(
            now, is_read=not session.is_unread
        ):
            session.close(Reason.UNFINISHED.close(size=inbox.unfinished, seconds=WINDOW), 0)
        elif now - liveness.heard >= runtime.interval - runtime.period:
            self._check_silence(now)

    def _check_silence(self, now: float) -> None:
        session, runtime = self._session, self._runtime
        liveness = session.liveness
        if liveness.silence(now) < runtime.interval - runtime.period or session.is_unread:
            return  # not silent for long enough, or its silence is ours
        sign = liveness.check(
            now,
            session.owner.acknowledged(),
            interval=runtime.interval,
            period=runtime.period,
            is_blocked=session.outbox.is_blocked,
        )
        if sign is Sign.ASK:
            session.ping()
        elif sign is Sign.GONE:
            session.close(Reason.NO_PONG.close(seconds=round(liveness.silence(now), 1)), 0)
            session.owner.abort()  # nobody is there to answer; the kernel still tries to send it
