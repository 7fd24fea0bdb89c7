"""How a connection ends: what each reason means for what is still to be sent and read.

A client that is closed has some seconds to take its backlog, then `CLOSE_TIMEOUT` more for its own
close frame or the end of its stream, while its input is read: closing over unread input would make
the kernel send RST, and the client lose what it was sent before. Then it is reset.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from relay.wire.closing import Close, Reason

CLOSE_TIMEOUT: Final = 2.0  # seconds for the client's close frame or the end of its stream

# What such a client still sends cannot be parsed, or must not be kept.
_UNREADABLE: Final = frozenset(
    {Reason.BROKEN_FRAME, Reason.TOO_BIG, Reason.OVERLOADED, Reason.FAILED}
)
# A client closed for one of these takes nothing, or may not have it: its backlog is dropped.
_DROPS: Final = frozenset(
    {
        Reason.TOO_SLOW,
        Reason.STUCK,
        Reason.NO_PONG,
        Reason.OVERLOADED,
        Reason.REVOKED,
        Reason.DISCONNECTED,
    }
)
# Ends that nobody has to look into; any other is a policy that bit, and a warning.
_EXPECTED: Final = frozenset(
    {Reason.LEFT, Reason.RESTARTING, Reason.TAKEN_OVER, Reason.TOKEN_EXPIRED}
)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ends, and until when the client may take its backlog.

    `deadline` is in seconds of the event loop's clock; `reset_at` when the client is cut off.
    """

    close: Close
    deadline: float
    reset_at: float

    @property
    def drops_backlog(self) -> bool:
        return self.close.reason in _DROPS

    @property
    def stops_parsing(self) -> bool:
        return self.close.reason in _UNREADABLE

    @property
    def settles(self) -> bool:
        """Whether it is still given what was published before, and what it sends still counts."""
        return self.close.reason is Reason.RESTARTING

    @property
    def is_expected(self) -> bool:
        return self.close.reason in _EXPECTED


def begin_ending(close: Close, now: float, patience: float) -> Ending:
    """Return the ending of a connection that may take its backlog for `patience` seconds."""
    drops = close.reason in _DROPS
    return Ending(close, now + patience, now + CLOSE_TIMEOUT + (0 if drops else patience))


class End(NamedTuple):
    """How a connection has ended: the reason in one word, and in a sentence."""

    reason: str
    how: str
    is_expected: bool


def describe_end(ending: Ending | None, unsent: int, lost: str) -> End:
    """Describe an end: `ending` as it was closed for, or `lost` without that.

    `unsent` bytes had not been sent when it was cut off.
    """
    if ending is None:
        return End("lost", lost, True)
    reason = ending.close.reason
    how = f"{reason.code} {ending.close.text}"
    if unsent and ending.is_expected:
        return End("cut_off", f"{how}, cut off with {unsent} bytes not sent", False)
    return End(reason.name.lower(), how, ending.is_expected)
