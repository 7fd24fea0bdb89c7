"""One client: what it sends goes to its room, what the room delivers goes to its outbox.

aiohttp answers the handshake, then this protocol takes the transport over. There is no task, no
queue and no `await` per connection.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from relay.edge.roster import Roster
from relay.member.inbox import Hold, Inbox
from relay.member.outbox import STALL, Outbox
from relay.names import UserName
from relay.room.hub import Hub
from relay.room.room import Room
from relay.settings import Settings
from relay.wire.closing import Close, Reason
from relay.wire.frames import PING, encode, encode_close

logger = logging.getLogger("relay")

PROBE: Final = 2.0  # seconds in which the holder of a name has to give a sign of life
GOODBYE: Final = 2.0  # seconds for the client's close frame or the end of its stream

_STEP: Final = 0.1  # seconds between two looks at what a closing client has acknowledged
_PING: Final = encode(PING, b"")
# What such a client still sends cannot be parsed, or not be kept.
_UNREADABLE: Final = frozenset(
    {Reason.BROKEN_FRAME, Reason.TOO_BIG, Reason.OVERLOADED, Reason.FAILED}
)
# A client closed for one of these takes nothing in: its backlog is dropped.
_DROPS: Final = frozenset({Reason.TOO_SLOW, Reason.STUCK, Reason.NO_PONG})
# Ends that nobody has to look into; any other is a policy that bit, and a warning.
_EXPECTED: Final = frozenset(
    {Reason.LEFT, Reason.RESTARTING, Reason.TAKEN_OVER, Reason.TOKEN_EXPIRED}
)


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"  # out of its room; the close frame is written or waits behind the backlog
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked for, and what it may."""

    user: UserName
    address: str = ""
    echo: bool = False
    skips: bool = False
    history: int = 0  # messages
    expires: float | None = None  # of the event loop's clock, seconds; None is never


class Connection(asyncio.Protocol):
    """A member of one room for as long as it is open."""

    __slots__ = (
        "_close",
        "_deadline",
        "_hub",
        "_inbox",
        "_loop",
        "_mark",
        "_options",
        "_outbox",
        "_probe",
        "_roster",
        "_settings",
        "_state",
        "_taken",
        "_timer",
        "_transport",
        "_unsent",
        "deliver",
        "echo",
        "room",
        "user",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        room: Room,
        options: Options,
        settings: Settings,
        hub: Hub,
        roster: Roster,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.user = options.user
        self.echo = options.echo
        self.room = room
        self._options = options
        self._settings = settings
        self._hub = hub
        self._roster = roster
        self._loop = loop
        self._transport = transport
        self._outbox = Outbox(transport, self, settings.write_buffer_size, skips=options.skips)
        self.deliver = self._outbox.deliver
        self._inbox = Inbox(
            transport,
            self,
            room,
            self._outbox,
            roster,
            loop,
            message_size=settings.max_message_size,
            buffer_size=settings.read_buffer_size,
        )
        self._state = State.OPEN
        self._close: Close | None = None
        self._deadline = 0.0  # until when a closing client may take its backlog
        self._unsent = 0  # bytes, when it was cut off
        self._timer: asyncio.TimerHandle | None = None
        self._probe: asyncio.Future[None] | None = None
        self._mark: int | None = None  # `Outbox.sent` when it was pinged, or None
        self._taken = 0.0  # when it was seen to take its backlog, after that

    def start(self, early: bytes) -> None:
        """Join the room and take the transport over; `early` came in behind the handshake."""
        self._roster.add(self, self._options.address)
        history = self.room.history(self._options.history) if self._options.history else []
        self.room.join(self)
        self._transport.set_protocol(self)
        if self._transport.get_write_buffer_size():  # answers to requests before this one
            self._outbox.block()
        self._transport.resume_reading()
        logger.info("%s joined %s from %s", self.user, self.room.name, self._options.address)
        self._outbox.replay(history)
        if early:
            self.data_received(early)

    @property
    def congested(self) -> bool:
        return self._outbox.is_behind

    @property
    def unfinished(self) -> int:
        return self._inbox.unfinished

    @property
    def backlog(self) -> int:
        return self._outbox.lag

    def close(self, close: Close, patience: float = STALL) -> None:
        """Leave the room, say why behind the backlog, and end.

        When the client has acknowledged everything, or after `patience` seconds, it has 2 more
        for its own close frame or the end of its stream, while its input is read: closing over
        unread input would make the kernel send RST, and the client lose what it was sent before.
        Then it is reset.
        """
        if self._state is not State.OPEN:
            if close.reason is Reason.OVERLOADED:
                self.abort()
            return
        self._state = State.CLOSING
        self._close = close
        self._deadline = self._loop.time() + patience
        self._roster.depart(self._options.address)
        drop = close.reason in _DROPS
        if close.reason in _UNREADABLE:
            self._inbox.discard()
        if close.reason is Reason.RESTARTING:
            # What was accepted before reaches it, and what it sends until it reads the close frame
            # reaches others; it is still held where it runs ahead.
            self.room.settle(self)
        else:
            self._inbox.deafen()
        self._hub.leave(self.room, self)
        self._end_after(GOODBYE if drop else patience + GOODBYE)
        self._outbox.finish(encode_close(close), drop=drop)

    def abort(self) -> None:
        self._unsent = self._outbox.waiting()
        self._transport.abort()

    @property
    def address(self) -> str:
        """What the client counts as in the limit per address."""
        return self._options.address

    async def is_alive(self) -> bool:
        """Whether the client gives a sign of life: anything heard or taken within 2 s.

        One that the relay itself does not read counts as alive.
        """
        if self._inbox.held:
            return True
        heard, sent = self._inbox.heard, self._outbox.sent()
        was_blocked = self._outbox.is_blocked
        probe = self._probe
        if probe is None:
            probe = self._probe = self._loop.create_future()
            self._outbox.ping(_PING)
        await asyncio.wait((probe,), timeout=PROBE)
        if self._probe is probe:
            self._probe = None
        if self._state is not State.OPEN:
            return False
        # Without a backlog the client's kernel acknowledges the ping: that is no sign of life.
        has_taken = (was_blocked or self._outbox.is_blocked) and self._outbox.sent() > sent
        return bool(self._inbox.held) or self._inbox.heard > heard or has_taken

    def beat(self, now: float) -> None:
        if self._outbox.is_blocked:
            self.room.press(now)
            if self._outbox.has_stalled(now):
                self._give_up()
        if self._state is not State.OPEN:
            return
        interval, period = self._settings.ping_interval, beat_period(self._settings)
        expires = self._options.expires
        silence = now - max(self._inbox.heard, self._taken)
        if expires is not None and now >= expires:
            self.close(Reason.TOKEN_EXPIRED.close())
        elif self._inbox.held or silence < interval - period:
            return  # its silence is ours, or not long enough
        elif self._mark is None:
            self._mark = self._outbox.sent()
            self._outbox.ping(_PING)
        elif self._outbox.is_blocked and self._outbox.sent() > self._mark:
            self._mark, self._taken = None, now  # the ping waits behind what it is taking
        elif silence >= interval * 1.5 - period:
            self.close(Reason.NO_PONG.close(seconds=round(silence, 1)), 0)
            self.abort()  # nobody is there to answer; the kernel still tries to send the reason

    # What the room asks of a sender.

    def hold(self) -> None:
        if not self._inbox.is_deaf:
            self._inbox.hold(Hold.ROOM)

    def release(self) -> None:
        self._inbox.release(Hold.ROOM)

    def relayed(self, size: int) -> None:
        self._inbox.relayed(size)

    # What the outbox reports.

    def fell_behind(self) -> None:
        if self._state is State.OPEN:
            self.room.congested += 1

    def caught_up(self) -> None:
        if self._state is State.OPEN:
            self.room.congested -= 1
            self.room.eased()

    def overran(self, backlog: int) -> None:
        self.close(Reason.TOO_SLOW.close(backlog=backlog, limit=self._settings.write_buffer_size))

    def skipped(self, count: int, size: int) -> None:
        totals = self._hub.totals
        totals.skipped += count
        totals.deliveries -= count
        totals.delivered_bytes -= size

    def emptied(self) -> None:
        if self._state is State.CLOSING:
            if self._inbox.is_closed:
                self._transport.close()
            else:
                self._wind_up()

    # asyncio.Protocol

    def pause_writing(self) -> None:
        self._outbox.block()

    def resume_writing(self) -> None:
        self._outbox.unblock()

    def data_received(self, data: bytes) -> None:
        try:
            self._receive(data)
        except Exception:
            logger.exception("%s in %s: a defect of the relay", self.user, self.room.name)
            self.close(Reason.FAILED.close(), 0)

    def eof_received(self) -> None:
        """A client that ends its stream without a close frame is gone, and so is its backlog."""
        if self._state is State.OPEN:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        state, self._state = self._state, State.CLOSED
        if state is State.OPEN:
            self._hub.leave(self.room, self)
            self._roster.depart(self._options.address)
        self._outbox.abandon()
        self._inbox.discard()
        self._end_probe()
        if self._timer is not None:
            self._timer.cancel()
        close = self._close
        reason, level = close.reason.name.lower() if close else "lost", logging.INFO
        how = f"{close.code} {close.text}" if close else str(exc or "stream ended")
        if close is not None and close.reason not in _EXPECTED:
            level = logging.WARNING
        elif self._unsent and close is not None:
            reason, level = "cut_off", logging.WARNING
            how += f", cut off with {self._unsent} bytes not sent"
        self._roster.remove(self, reason)
        logger.log(level, "%s left %s: %s", self.user, self.room.name, how)

    def _receive(self, data: bytes) -> None:
        self._mark = None
        if self._probe is not None:
            self._end_probe()
        problem = self._inbox.feed(data)
        if problem is not None:
            self.close(problem)
        elif self._inbox.is_closed:
            if self._state is State.OPEN:
                self.close(Reason.LEFT.close(), 0)
            elif not self._outbox.is_blocked:
                self._transport.close()

    def _give_up(self) -> None:
        if self._state is State.OPEN:
            self.close(Reason.STUCK.close(backlog=self._outbox.waiting(), seconds=STALL))
        else:
            self.abort()

    def _wind_up(self) -> None:
        """The kernel has everything: when the client has it too, or time is up, let it go."""
        if self._outbox.unacknowledged() and self._loop.time() < self._deadline:
            self._end_after(_STEP, self._wind_up)
        else:
            self._end_after(GOODBYE)

    def _end_after(self, seconds: float, end: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, end or self.abort)

    def _end_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None and not probe.done():
            probe.set_result(None)


def beat_period(settings: Settings) -> float:
    """Seconds between two beats of a connection: fine enough for every deadline it watches."""
    return min(0.5, settings.ping_interval / 16)
