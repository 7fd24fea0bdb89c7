"""What time does to a connection: a backlog that does not move, a token that expires, silence."""

from typing import Protocol

from relay.member.liveness import STALL, Sign
from relay.member.pace import WINDOW, Pace
from relay.member.session import Session
from relay.wire.closing import Close, Reason


class Watched(Protocol):
    """A connection, as it is looked after."""

    session: Session
    pace: Pace | None

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


def look_after(connection: Watched, now: float, interval: float, period: float) -> None:
    """See whether its time is up; `now` is in seconds of the event loop's clock.

    It is pinged after an `interval` of silence; looked at every `period`.
    """
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
        return
    if not _comes_on(connection, now):
        size = session.inbox.unfinished
        connection.close(Reason.UNFINISHED.close(size=size, seconds=WINDOW), 0)
        return
    if liveness.silence(now) < interval - period or session.is_unread:
        return  # not silent for long enough, or its silence is ours
    acknowledged = connection.acknowledged()
    sign = liveness.check(
        now, acknowledged, interval=interval, period=period, is_blocked=outbox.is_blocked
    )
    if sign is Sign.ASK:
        connection.ping()
    elif sign is Sign.GONE:
        connection.close(Reason.NO_PONG.close(seconds=round(liveness.silence(now), 1)), 0)
        connection.abort()  # nobody is there to answer; the kernel still tries to send the reason


def _comes_on(connection: Watched, now: float) -> bool:
    """Whether the message that the client sends is coming; always between two of them."""
    inbox = connection.session.inbox
    if not inbox.unfinished or connection.session.is_unread:
        connection.pace = None
        return True
    if connection.pace is None:
        connection.pace = Pace(now, inbox.published, inbox.unfinished)
    return connection.pace.is_met(now, inbox.published, inbox.unfinished)
