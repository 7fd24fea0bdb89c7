"""A member that sends on a schedule: builds the frames that are due, and notes what it sent."""

from array import array
from collections.abc import Iterator
from math import inf
from struct import Struct

from aiohttp import WSMsgType

from wsload.account.ledger import Account
from wsload.account.payload import SMALLEST
from wsload.client.connection import Connection, State
from wsload.client.frames import header, masked
from wsload.run.recorder import Counters, ticks

_BATCH = 64 * 1024  # bytes that leave in one write at most
_RETRY = 0.0005  # seconds until a sender that the relay does not read looks again
_SEQUENCE_AND_TIME = Struct("<Id")
_BEHIND_KEY = 8


class Sender:
    """Sends `size` bytes per message at the times of `cadence`; the pacer says when to look."""

    __slots__ = (
        "_account", "_body", "_cadence", "_connection", "_counters", "_head", "_most", "_next",
        "_sent", "_tolerance", "due",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        account: Account,
        counters: Counters,
        cadence: Iterator[float],
        *,
        size: int,
        tolerance: float,
        first: float | None = None,
    ) -> None:
        """`tolerance`: seconds after which a send of ours counts as late; `first`: the first time,
        where it has been taken from `cadence` already."""
        self._connection = connection
        self._account = account
        self._counters = counters
        self._cadence = cadence
        self._tolerance = tolerance
        self._body = bytearray(account.key.to_bytes(8, "little").ljust(max(size, SMALLEST), b"."))
        self._head = header(WSMsgType.BINARY, len(self._body))
        self._most = max(_BATCH // len(self._body), 1)
        if account.sent is None:
            account.sent = array("d")
        self._sent = account.sent
        # intended time of the next message
        self._next = next(cadence, inf) if first is None else first
        self.due = self._next

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
            size=len(self._body),
            tolerance=self._tolerance,
            first=due,
        )

    def send_due(self, moment: float) -> None:
        if self._connection.state is not State.OPEN:
            self.due = inf
            return
        oldest = self._next
        if self._connection.blocked or oldest > moment:
            self.due = max(oldest, moment + _RETRY)
            return
        frames: list[bytes] = []
        sequence = len(self._sent)
        while (intended := self._next) <= moment and len(frames) < self._most:
            body = self._body[:]
            _SEQUENCE_AND_TIME.pack_into(body, _BEHIND_KEY, sequence, intended)
            frames.append(masked(self._head, body))
            self._sent.append(intended)
            sequence += 1
            self._next = next(self._cadence, inf)
        self._counters.sent[ticks(moment - oldest)] += len(frames)
        # Time in which the relay did not read is the relay's, the rest of a delay is ours.
        if moment - max(oldest, self._connection.unblocked) > self._tolerance:
            self._counters.late += len(frames)
        self._connection.write(frames)
        self.due = self._next

    def withdraw(self) -> None:
        """Take back what has not begun to leave, once or again."""
        count = self._connection.withdraw()
        if count:
            del self._sent[-count:]
