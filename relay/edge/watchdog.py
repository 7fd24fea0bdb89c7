"""What time does to a connection: a backlog that does not move, a token that expires, silence."""

from typing import Protocol

from relay.edge.load import Load, load_of
from relay.edge.probe import Probe
from relay.edge.runtime import Runtime
from relay.member.liveness import STALL, Sign
from relay.member.pace import WINDOW, Pace
from relay.member.session import Session
from relay.wire.closing import Close, Reason


class Watched(Protocol):
    """A connection, as it is looked after."""

    session: Session

    @property
    def is_open(self) -> bool:
        """Whether it is in its room."""

    def acknowledged(self) -> int:
        """Return how many bytes the client's side has acknowledged."""

    def close(self, close: Close, patience: float = STALL) -> None:
        """Say why, and end."""

    def abort(self) -> None:
        """End it without a word."""

    def ping(self) -> None:
        """Ask for a sign of life."""


def beat_period(interval: float) -> float:
    """Seconds between two looks at a connection: fine enough for every deadline it has."""
    return min(0.5, interval / 16)


class Watchdog:
    """It has one connection, and knows when its client was there and its message came on."""

    __slots__ = ("_connection", "_pace", "_probe", "_runtime")

    def __init__(self, connection: Watched, runtime: Runtime) -> None:
        self._connection = connection
        self._runtime = runtime
        self._pace: Pace | None = None  # of a message that had not ended at the last look
        self._probe: Probe | None = None  # the last question whether the client is there

    def hear(self, now: float) -> None:
        """Something has come from the client; `now` is in seconds of the event loop's clock."""
        self._connection.session.liveness.hear(now)
        if self._probe is not None:
            self._probe.hear()

    def stop(self) -> None:
        """The socket is gone: whoever asks for the client need not wait."""
        if self._probe is not None:
            self._probe.hear()

    async def is_alive(self) -> bool:
        """Whether the client gives a sign of life within 2 s, or gave one to the last who asked."""
        if self._probe is None or not self._probe.is_recent:
            self._probe = Probe(self._connection, self._runtime.loop)
        return await self._probe.is_alive()

    @property
    def seems_alive(self) -> bool:
        """Whether it is there as far as is known, without asking it."""
        return self._probe is None or self._probe.seems_alive

    def load(self, now: float) -> Load:
        """Return what the client holds of the relay's memory."""
        return load_of(self._connection.session, self._pace, now)

    def check(self, now: float) -> None:
        """See whether the connection's time is up; to be asked once in `Runtime.period`."""
        connection = self._connection
        session = connection.session
        outbox, liveness = session.outbox, session.liveness
        if outbox.is_blocked and liveness.has_stalled(now, connection.acknowledged()):
            if connection.is_open:
                connection.close(Reason.STUCK.close(backlog=outbox.waiting(), seconds=STALL))
            else:
                connection.abort()
        if not connection.is_open:
            return
        expires = session.options.expires
        if expires is not None and now >= expires:
            connection.close(Reason.TOKEN_EXPIRED.close())
        elif not self._comes_on(now):
            size = session.inbox.unfinished
            connection.close(Reason.UNFINISHED.close(size=size, seconds=WINDOW), 0)
        else:
            self._check_silence(now)

    def _check_silence(self, now: float) -> None:
        connection, runtime = self._connection, self._runtime
        session = connection.session
        liveness = session.liveness
        if liveness.silence(now) < runtime.interval - runtime.period or session.is_unread:
            return  # not silent for long enough, or its silence is ours
        sign = liveness.check(
            now,
            connection.acknowledged(),
            interval=runtime.interval,
            period=runtime.period,
            is_blocked=session.outbox.is_blocked,
        )
        if sign is Sign.ASK:
            connection.ping()
        elif sign is Sign.GONE:
            connection.close(Reason.NO_PONG.close(seconds=round(liveness.silence(now), 1)), 0)
            connection.abort()  # nobody is there to answer; the kernel still tries to send it

    def _comes_on(self, now: float) -> bool:
        """Whether the message that the client sends is coming; always between two of them."""
        session = self._connection.session
        inbox = session.inbox
        if not inbox.unfinished or session.is_unread:
            self._pace = None
            return True
        if self._pace is None:
            self._pace = Pace(now, inbox.published, inbox.unfinished)
        return self._pace.is_met(now, inbox.published, inbox.unfinished)
