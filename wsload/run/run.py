"""One run in one process: who has which seat, who is there, and what each is measured with."""

import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from gevent.event import Event

from wsload.account.ledger import Account, Books, Ledger
from wsload.account.payload import MEMBERS, Address, now
from wsload.client.closes import FINAL, LOST, Side
from wsload.client.connection import Connection, State
from wsload.client.failures import ConnectFailed
from wsload.client.handshake import Target, connect
from wsload.run.alarm import Alarm
from wsload.run.inbox import Inbox
from wsload.run.lineup import Lineup
from wsload.run.options import MOST_ROOMS, Options
from wsload.run.pacer import Pacer
from wsload.run.recorder import Counters, Recorder, ticks
from wsload.run.sender import Sender

# Rooms of different scenarios never meet: a scenario's number is the high bits of the room's.
SCENARIOS = ("broadcast", "audio", "churn", "lagging", "steady")
# Seconds: what the operating system alone may cost is nobody's fault.
_LEAST_TOLERANCE = 0.001
# Seconds between the word to start and the first message, in which all senders line up.
_RUN_UP = 0.05


@dataclass(frozen=True, slots=True)
class Seat:
    """A user's place: who it is, in which room, and its place among the room's members here."""

    scenario: str
    name: str
    room: str
    key: int
    place: int

    def every(self, nth: int) -> bool:
        """True for one place in `nth`, beginning with the first; never for 0."""
        return bool(nth) and self.place % nth == 0


class Member:
    """A connection with its account, and perhaps a sender."""

    __slots__ = (
        "_run", "account", "comes_back", "connection", "expects_close", "seat", "sender",
    )  # fmt: skip

    def __init__(self, run: "Run", seat: Seat, account: Account, connection: Connection) -> None:
        self._run = run
        self.seat = seat
        self.account = account
        self.connection = connection
        self.sender: Sender | None = None
        self.expects_close = False
        """The relay may close this one without anything being wrong: it lags on purpose."""
        self.comes_back = False
        """It connects again when the relay closes it."""

    @property
    def is_away(self) -> bool:
        """Whether it is one that comes back, and was closed for a reason that lets it."""
        close = self.connection.close_seen
        return (
            self.comes_back
            and close is not None
            and close.side is Side.RELAY
            and close.code not in FINAL
        )

    def absent_until(self, back: float) -> None:
        """Have it counted that it was away since its connection ended."""
        close = self.connection.close_seen
        assert close is not None, "it is still connected"
        self.account.absent(self.connection.ended, back, close.code)

    def withdraw(self) -> None:
        """Take back what the relay has not begun to read: it was never sent."""
        if self.sender is not None:
            self.sender.withdraw()

    def leave(self, *, waited: bool = False) -> None:
        """Have what happened until now counted, and close; for `waited` see the ledger."""
        self.withdraw()
        # In this order: what others send while the relay answers our close frame is not owed.
        self._run.ledger.leave(self.account, waited=waited)
        self.connection.shut()
        self._run.part(self)


class Run:
    """From the first user to the last, in this process."""

    def __init__(self, options: Options, target: Target, *, number: int, worker: int) -> None:
        """`number` tells runs apart in payloads and names; `worker` tells processes apart."""
        self.options = options
        self.number = number
        self.worker = worker
        self.target = target
        self._context: ssl.SSLContext | None = target.context()
        self.recorder = Recorder()
        self.ledger = Ledger()
        self._alarm = Alarm(lambda: self.pacer.run())
        self.pacer = Pacer(self._alarm.set)
        self.members: set[Member] = set()
        self.failed: Counter[tuple[str, str]] = Counter()  # by scenario and sentence
        self.closed: Counter[tuple[str, str]] = Counter()  # by scenario and code: by the relay
        self.lagged: Counter[str] = Counter()  # by code: the same, of members that lag on purpose
        self.returned: Counter[str] = Counter()  # by code: the same, of members that came back
        self.started = 0.0
        """When senders may begin (seconds since the epoch); 0: not yet."""
        self.hushed = 0.0
        """When sending ended; 0: not yet."""
        self.senders: Counter[str] = Counter()
        """By scenario: how many send, in all processes once `start` has been told."""
        self._told = False
        self.lineup = Lineup()
        self.begun = Event()
        """Senders may begin, at `started`."""
        self._seats: Counter[str] = Counter()

    def seat(self, scenario: str) -> Seat:
        """A place for the next user of `scenario`."""
        taken = self._seats[scenario]
        self._seats[scenario] += 1
        room = taken % self.options.rooms
        number = SCENARIOS.index(scenario) * MOST_ROOMS + room
        member = (self._seats.total() - 1) % MEMBERS
        prefix = self.options.name or f"load-{self.number:05x}"
        base = self.options.room or f"{scenario}-{self.number:05x}"
        return Seat(
            scenario,
            name=f"{prefix}-{self.worker}-{member}",
            room=base if self.options.rooms == 1 else f"{base}-{room}",
            key=Address(self.number, number, self.worker, member).key,
            place=taken // self.options.rooms,
        )

    def join(
        self,
        seat: Seat,
        *,
        checked: bool = True,
        echo: bool | None = None,
        inbox: type[Inbox] = Inbox,
        receive_buffer: int = 0,
    ) -> Member:
        """Connect the user of `seat`; raises `ConnectFailed`, which is counted here already."""
        echo = self.options.echo if echo is None else echo
        sock, leftover, joined = self._connect(seat, echo=echo, receive_buffer=receive_buffer)
        account = Account(seat.name, seat.key, joined=joined, echo=echo, checked=checked)
        # What reaches a laggard late is of its own making: nobody's latency.
        counters = self.recorder.counters(seat.scenario) if checked else Counters()
        connection = self._connection(sock, account, counters, inbox)
        member = Member(self, seat, account, connection)
        self.members.add(member)
        self.ledger.enter(account)
        connection.start(leftover)
        return member

    def rejoin(self, member: Member) -> None:
        """Connect a member again: the same name and account, and it goes on sending; raises
        `ConnectFailed`, which is counted here already. Too late, it does nothing."""
        member.withdraw()
        account, before = member.account, member.connection
        sock, leftover, back = self._connect(member.seat, echo=account.echo)
        if self.hushed:  # during the handshake, and the books may be closed
            sock.close()
            return
        counters = self.recorder.counters(member.seat.scenario)
        counters.away[ticks(back - before.ended)] += 1
        self.returned[str(before.close_seen)] += 1
        member.absent_until(back)
        assert isinstance(before.feed, Inbox)
        member.connection = self._connection(sock, account, counters, type(before.feed))
        member.connection.start(leftover)
        if member.sender is not None:
            member.sender = member.sender.successor(member.connection, back)
            self.pacer.add(member.sender)

    def _connect(
        self, seat: Seat, *, echo: bool, receive_buffer: int = 0
    ) -> tuple[Any, bytes, float]:
        """A socket of the user of `seat`, what came behind the handshake, and when that was."""
        query = {"room": seat.room} | ({"echo": "1"} if echo else {})
        begun = now()
        try:
            sock, leftover = connect(
                self.target, self._context, seat.name, query, receive_buffer=receive_buffer
            )
        except ConnectFailed as failure:
            self.failed[seat.scenario, str(failure)] += 1
            raise
        joined = now()
        self.recorder.counters(seat.scenario).connected[ticks(joined - begun)] += 1
        return sock, leftover, joined

    def _connection(
        self, sock: Any, account: Account, counters: Counters, inbox: type[Inbox]
    ) -> Connection:
        return Connection(
            sock, lambda control: inbox(account, counters, control), counters, self._catch_up
        )

    def part(self, member: Member) -> None:
        """Count how a member's connection ended; the second time does nothing."""
        if member not in self.members:
            return
        self.members.discard(member)
        member.withdraw()
        if member.is_away:  # at the end: it is owed what is said until then
            member.absent_until(inf)
        else:
            self.ledger.leave(member.account)
        close = member.connection.close_seen
        if close is None:
            return
        if member.expects_close:
            # One that does not read learns only on leaving that it was cut off before: nobody
            # answers its close frame.
            if close.side is Side.RELAY or close.code == LOST:
                self.lagged[str(close)] += 1
        elif close.side is Side.RELAY:
            self.closed[member.seat.scenario, str(close)] += 1

    def send(self, member: Member, *, size: int, cadence: Iterator[float], interval: float) -> None:
        """Have `member` send at the times of `cadence`, which are `interval` seconds apart."""
        member.sender = Sender(
            member.connection,
            member.account,
            self.recorder.counters(member.seat.scenario),
            cadence,
            size=size,
            tolerance=max(interval / 10, _LEAST_TOLERANCE),
        )
        self.pacer.add(member.sender)

    def start(self, senders: Mapping[str, int] | None = None) -> None:
        """Let the senders begin; the second time does nothing. `senders`: those of all processes,
        where there are others."""
        if not self.started:
            if senders is not None:
                self.senders = Counter(senders)
                self._told = True
            self.started = now() + _RUN_UP
            self.begun.set()

    def line_up(self, scenario: str) -> None:
        """Count one more that will send, and that has joined."""
        if not self._told:
            self.senders[scenario] += 1
        self.lineup.arrive()

    def wait_for_start(self) -> float:
        """Wait until senders may begin; returns the time to begin at, which may be just now."""
        self.begun.wait()
        return max(self.started, now())

    @property
    def alive(self) -> int:
        """Members whose connection is open."""
        return sum(member.connection.state is State.OPEN for member in self.members)

    def hush(self) -> None:
        """Send what is due, then nothing any more, and take back what has not begun to leave."""
        if self.hushed:
            return
        self.pacer.run()
        self.hushed = now()
        self.pacer.stop()
        for member in self.members:
            member.withdraw()

    def books(self, *, with_sent: bool = True) -> Books:
        """The ledger's books, once everybody whose connection is over has left it."""
        for member in [*self.members]:
            if member.connection.state is State.CLOSED:
                self.part(member)
        return self.ledger.books(with_sent=with_sent)

    def close(self) -> None:
        self._alarm.close()

    def _catch_up(self, moment: float) -> None:
        if moment >= self.pacer.due:
            self.pacer.run()
