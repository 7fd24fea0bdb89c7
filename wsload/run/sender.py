"""A member that sends on a schedule: builds the frames that are due, and notes what it sent."""

from array import array
from collections.abc import Callable, Iterator
from math import inf

from aiohttp import WSMsgType

from wsload.account.account import Account
from wsload.account.payload import Writer
from wsload.client.annotated import Standing
from wsload.client.connection import Connection, State
from wsload.client.frames import deflated, frame, header, masked
from wsload.run.cadence import Share
from wsload.run.recorder import Counters, ticks

_BATCH = 64 * 1024  # bytes that leave in one write at most

# Seconds: what the operating system alone may cost is nobody's fault.
_LEAST_TOLERANCE = 0.001

Framer = Callable[[bytearray], bytes]
"""Makes a frame of a payload; may change it."""


class Sender:
    """Sends a payload at each of the times of `cadence`; the pacer says when to look."""

    __slots__ = (
        "_account", "_cadence", "_connection", "_counters", "_encode", "_forgotten", "_frame",
        "_interval", "_is_held", "_most", "_next", "_sent", "_tolerance", "_writer", "due",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        account: Account,
        counters: Counters,
        cadence: Iterator[float],
        *,
        writer: Writer,
        interval: float,
        encode: Callable[[bytes], str | bytes] | None = None,
        first: float | None = None,
        forgotten: int = 0,
    ) -> None:
        """`interval`: about the seconds between two times of `cadence`; `encode` wraps a payload
        as the server wants it, none: as it is; `first`: the first time, where it has been taken
        from `cadence` already."""
        self._connection = connection
        self._account = account
        self._counters = counters
        self._cadence = cadence
        self._forgotten = forgotten  # messages whose fate nobody knows
        self._interval = interval
        self._tolerance = tolerance(interval)
        self._writer = writer
        self._encode = encode
        self._frame = framer(connection, writer.size, encode)
        self._most = max(_BATCH // writer.size, 1)
        if account.sent is None:
            account.sent = array("d")
        self._sent = account.sent
        # intended time of the next message
        self._next = next(cadence, inf) if first is None else first
        self.due = self._next
        self._is_held = False  # until the server reads again

    def successor(self, connection: Connection, moment: float) -> "Sender":
        """One that goes on over another connection; what was due before `moment` is never sent."""
        due = self._next
        while due < moment:
            due = next(self._cadence, inf)
        return Sender(
            connection,
            self._account,
            self._counters,
            self._cadence,
            writer=self._writer,
            interval=self._interval,
            encode=self._encode,
            first=due,
            forgotten=self._forgotten,
        )

    def send_due(self, moment: float) -> None:
        """Send everything that is due at `moment`, in one write, and set `due`; infinity while the
        server does not read, until `resume`."""
        if self._connection.state is not State.OPEN:
            self.due = inf
            return
        oldest = self._next
        if oldest > moment:
            self.due = oldest
            return
        if self._connection.blocked:
            self.due, self._is_held = inf, True
            return
        # Time in which the server did not read is the server's, the rest of a delay is ours.
        late = moment - max(oldest, self._connection.unblocked) > self._tolerance
        frames: list[bytes] = []
        sequence = len(self._sent)
        while (intended := self._next) <= moment and len(frames) < self._most:
            frames.append(self._frame(self._writer.payload(sequence, intended, late=late)))
            self._sent.append(intended)
            sequence += 1
            self._next = next(self._cadence, inf)
        self._counters.sent[ticks(moment - oldest)] += len(frames)
        if late:
            self._counters.late += len(frames)
        self._connection.write(frames, withdrawable=True)
        self.due = self._next

    def resume(self) -> bool:
        """The server reads again. Returns whether the sender had to wait for it: then it is due."""
        was_held, self._is_held = self._is_held, False
        if was_held:
            self.due = self._next
        return was_held

    def repeat(self, standing: Standing) -> None:
        """Send again what the relay does not have; a sequence number is one less than the number of
        relay.v1, until nobody knows what became of some messages."""
        if standing.is_unknown:
            self._forgotten = len(self._sent) - standing.acked
        frames = [
            self._frame(self._writer.payload(sequence, self._sent[sequence], late=True))
            for sequence in range(standing.acked + self._forgotten, len(self._sent))
        ]
        if frames:
            self._connection.write(frames, withdrawable=True)

    def say(self, moment: float) -> None:
        """Send one message now, beside the schedule."""
        sequence = len(self._sent)
        self._sent.append(moment)
        self._counters.sent[0] += 1
        frames = [self._frame(self._writer.payload(sequence, moment))]
        self._connection.write(frames, withdrawable=True)

    def adapt(self, moment: float) -> None:
        """The pace of its cadence has changed at `moment`."""
        if isinstance(self._cadence, Share):
            self.due = self._next = self._cadence.adapt(moment)
            self._tolerance = tolerance(self._cadence.interval)

    def owing(self, moment: float) -> int:
        """How many messages were due at `moment` and have not been sent. Counts once: what it
        counts is not sent any more."""
        count = 0
        while self._next <= moment:
            count += 1
            self._next = next(self._cadence, inf)
        return count

    def withdraw(self) -> int:
        """Take back what has not begun to leave, once or again. Returns how many messages."""
        count = self._connection.withdraw()
        if count:
            del self._sent[-count:]
        return count


def tolerance(interval: float) -> float:
    """Seconds after which a send counts as late, of a sender with this interval."""
    return max(interval / 10, _LEAST_TOLERANCE)


def framer(
    connection: Connection, size: int, encode: Callable[[bytes], str | bytes] | None
) -> Framer:
    """How payloads of `size` bytes become frames on `connection`."""
    if encode is None:
        if connection.compressed:
            return lambda payload: deflated(WSMsgType.BINARY, payload)
        head = header(WSMsgType.BINARY, size)
        return lambda payload: masked(head, payload)
    make = deflated if connection.compressed else frame

    def wrapped(payload: bytearray) -> bytes:
        message = encode(bytes(payload))
        if isinstance(message, str):
            return make(WSMsgType.TEXT, message.encode())
        return make(WSMsgType.BINARY, message)

    return wrapped
