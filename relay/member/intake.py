"""Between a client's stream and its inbox: gives the inbox so much in one turn, and not too fast.

One read can hold ten thousand empty messages. What is beyond a turn's share is kept as it came, and
waits for a later pass of the event loop; meanwhile the stream is not read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from relay.account import Account
from relay.member.inbox import Inbox
from relay.member.stream import Stream
from relay.member.throttle import Due, Throttle
from relay.wire.closing import Close

FRAMES: Final = 512  # of one client in one turn, about 2 ms
FREE: Final = 8 * 1024  # bytes that nobody counts the frames of: 1,365 of them at most


@dataclass(frozen=True, slots=True)
class IntakeState:
    """All that there is to know of an intake, as values."""

    rest: bytes = b""  # what came and is not parsed yet
    due: Due = (0.0, 0.0)  # what the client is ahead of its rates


class Waker(Protocol):
    """Whoever calls `Intake.next` when it is time."""

    def wake(self, at: float) -> None:
        """Do it at this time, in seconds of the relay's clock; 0: when others had their turn."""


class Intake:
    """What has come from a client and its inbox has not got yet; what the inbox reads."""

    __slots__ = (
        "_account",
        "_clock",
        "_inbox",
        "_is_awaited",
        "_is_held",
        "_reads",
        "_rest",
        "_stream",
        "_throttle",
        "_until",
        "_waker",
    )

    def __init__(
        self,
        stream: Stream,
        clock: Callable[[], float],
        rates: tuple[int, int],
        account: Account,
        state: IntakeState,
    ) -> None:
        self._stream = stream
        self._waker: Waker | None = None
        self._clock = clock
        self._throttle = Throttle(*rates, state.due) if any(rates) else None
        self._inbox: Inbox | None = None
        self._account = account
        self._rest = state.rest
        account.unparsed += len(state.rest)
        self._until = 0.0  # when the client may be read again, for its rates; 0: now
        self._is_held = False  # the inbox wants nothing
        self._is_awaited = False  # somebody will call `next`
        self._reads = True  # the stream is read

    def serve(self, inbox: Inbox) -> None:
        """Give what comes to this inbox."""
        self._inbox = inbox

    def snapshot(self) -> IntakeState:
        return IntakeState(self._rest, self._throttle.due if self._throttle else (0.0, 0.0))

    @property
    def waits(self) -> bool:
        """Whether the client is not read because of what it has sent itself."""
        return bool(self._rest or self._until)

    @property
    def unparsed(self) -> int:
        """Bytes that have come and wait for a later pass."""
        return len(self._rest)

    def start(self, waker: Waker) -> None:
        """Go on where the state that it was built from left off."""
        self._waker = waker
        self._reads = False
        if self._throttle is not None:
            self._wait(self._throttle.until, self._clock())
        self.adjust()

    def feed(self, data: bytes) -> Close | None:
        """Give the inbox its share of `data`; return why to close the client, or None.

        Nothing waits from before.
        """
        inbox = self._inbox
        assert inbox is not None
        if len(data) > FREE:
            end = inbox.cut(data, FRAMES)
            self._rest, data = data[end:], data[:end]
            self._account.unparsed += len(self._rest)
        if self._throttle is None:
            problem = inbox.feed(data)
        else:
            before = inbox.seen
            problem = inbox.feed(data)
            self._slow_down(inbox.seen - before, len(data))
        if self._rest or self._until:
            self.adjust()
        return problem

    def next(self) -> bytes:
        """Return what is to be fed again, now that it is time; nothing where nothing waits.

        `adjust` is to be called after that.
        """
        self._is_awaited = False
        if self._is_held:
            return b""
        self._until = 0.0
        return self.drop()

    def drop(self) -> bytes:
        """Return what waits, and keep nothing."""
        rest, self._rest = self._rest, b""
        self._account.unparsed -= len(rest)
        return rest

    def hurry(self) -> None:
        """The client is being closed: what waits for its rates is parsed soon."""
        if self.waits and self._waker is not None:
            self._waker.wake(0.0)

    def adjust(self) -> None:
        """Read the stream or not, and have `next` called if something waits."""
        reads = not (self._is_held or self._rest or self._until)
        if reads != self._reads:
            self._reads = reads
            if reads:
                self._stream.resume_reading()
            else:
                self._stream.pause_reading()
        if not (reads or self._is_held or self._is_awaited):
            assert self._waker is not None
            self._is_awaited = True
            self._waker.wake(self._until)

    def pause_reading(self) -> None:
        self._is_held = True
        self.adjust()

    def resume_reading(self) -> None:
        self._is_held = False
        self.adjust()

    def _slow_down(self, messages: int, size: int) -> None:
        assert self._throttle is not None
        now = self._clock()
        self._wait(self._throttle.take(messages, size, now), now)

    def _wait(self, until: float, now: float) -> None:
        """Note when to read on; a client that is being closed is read without a limit."""
        assert self._inbox is not None
        self._until = until if until > now and not self._inbox.discards else 0.0
