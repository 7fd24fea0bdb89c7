"""One run in one process: who is there, and what each is measured with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from gevent.event import Event

from wsload.account.account import Account, End
from wsload.account.ledger import Books, Ledger
from wsload.account.order import Order
from wsload.account.payload import Writer
from wsload.account.stalls import Listener, Silence
from wsload.account.verifier import Verifier
from wsload.client.address import Address
from wsload.client.clock import now
from wsload.client.closes import LOST, NORMAL, TOO_SLOW, Side
from wsload.client.connection import Connection, State
from wsload.client.handshake import Request
from wsload.client.websocket import WebSocket
from wsload.run.alarm import Alarm
from wsload.run.door import Door
from wsload.run.lineup import Lineup
from wsload.run.member import Entrance, Member
from wsload.run.options import Options
from wsload.run.pacer import Pacer
from wsload.run.recorder import Recorder, ticks
from wsload.run.seat import Seat, Seating
from wsload.run.sender import Sender
from wsload.run.tempo import Tempo

# Seconds between the word to start and the first message, in which all senders line up.
_RUN_UP = 0.05
_RECENTLY = 1.0  # seconds: a reader that was behind so shortly before a close explains it


class Run:
    """From the first user to the last, in this process."""

    def __init__(
        self,
        options: Options,
        servers: Sequence[Address],
        *,
        number: int,
        worker: int,
        scenarios: tuple[str, ...],
    ) -> None:
        """`number` tells runs apart in payloads and names, `worker` processes; `scenarios` are the
        same in all processes."""
        self.options = options
        self.number = number
        self.worker = worker
        self.address = servers[0]
        """Of the first server: its path and query are those of all."""
        self.tokens = options.tokens()
        self.recorder = Recorder()
        self.ledger = Ledger(worker)
        self.order = Order() if options.one_order else None
        self._listener = Listener()
        self._verifier = Verifier(number, worker, shared=bool(options.room), begun=now())
        self._alarm = Alarm(lambda: self.pacer.run())
        self.pacer = Pacer(self._alarm.set)
        self.members: set[Member] = set()
        self.connections: set[Connection] = set()
        """Open ones that belong to no member."""
        self.unsent = 0
        """Messages that were due and not sent when sending ended, without the server's doing."""
        self.blocked = 0
        """The same, of connections that the server does not read."""
        self.seating = Seating(options, number=number, worker=worker, scenarios=scenarios)
        self.closed: Counter[tuple[str, str]] = Counter()  # by scenario and code: by the server
        self.reasons: Counter[tuple[str, str]] = Counter()  # by code and the server's text
        self.lagged: Counter[str] = Counter()  # by code: the same, of members that lag on purpose
        self.returned: Counter[str] = Counter()  # by code: the same, of members that came back
        self.behind = 0
        """Members closed for slow reading while their own reader was behind."""
        self.started = 0.0
        """When senders may begin (seconds since the epoch); 0: not yet."""
        self.hushed = 0.0
        """When sending ended; 0: not yet."""
        self._door = Door(options, servers, self.recorder, self._verifier, self.order, self.heard)
        self.tempo = Tempo(self)
        self.lineup = Lineup()
        self.begun = Event()
        """Senders may begin, at `started`."""

    def join(self, seat: Seat, entrance: Entrance) -> Member:
        """Connect the user of `seat`; raises `WebSocketError`, which is counted here already."""
        account = Account(
            seat.name, seat.key, joined=inf, echo=entrance.echo, checked=entrance.checked
        )
        connection, socket = self._door.admit(seat, entrance, account)
        member = Member(seat, entrance, account, connection, socket, self.leave)
        account.joined = now()
        self.members.add(member)
        self.ledger.enter(account)
        return member

    def rejoin(self, member: Member) -> None:
        """Connect a member again: the same name and account, and it goes on sending; raises
        `WebSocketError`, which is counted here already. Too late, it does nothing."""
        member.withdraw()
        account, before, seat = member.account, member.connection, member.seat
        close = before.close_seen
        assert close is not None, "it is still connected"
        heard = dict(account.next)
        connection, socket = self._door.admit(seat, member.entrance, account)
        if self.hushed:  # meanwhile, and the books may be closed
            connection.shut()
            return
        member.connection, member.socket = connection, socket
        back = now()
        self.recorder.counters(seat.scenario).away[ticks(back - before.ended)] += 1
        self.returned[str(close)] += 1
        self.reasons[str(close), close.reason] += 1
        account.absent(before.ended, back, close.code, heard)
        if member.sender is not None:
            sender = member.sender.successor(connection, back)
            if member.entrance.standing is not None:
                sender.repeat(member.entrance.standing)
            self._pace(member, sender)

    def open(self, scenario: str, request: Request) -> WebSocket:
        """A WebSocket that belongs to no member: nothing is owed to it."""
        socket, connection = self._door.open(scenario, request)
        self.connections.add(connection)
        connection.closed.rawlink(lambda _: self._ended(scenario, connection))
        return socket

    def _ended(self, scenario: str, connection: Connection) -> None:
        """A connection that belongs to no member is over."""
        self.connections.discard(connection)
        close = connection.close_seen
        if close is not None and close.side is Side.SERVER and close.code != NORMAL:
            self.closed[scenario, str(close)] += 1
            self.reasons[str(close), close.reason] += 1

    def leave(self, member: Member, *, waited: bool = False) -> None:
        """Have what happened until now counted, and close; for `waited` see the ledger."""
        member.withdraw()
        # In this order: what others send while the server answers our close frame is not owed.
        if member.end is End.STAYED:
            self.ledger.leave(member.account, now(), waited=waited)
        member.connection.shut()
        self.part(member)

    def part(self, member: Member) -> None:
        """Count how a member's connection ended; the second time does nothing."""
        if member not in self.members:
            return
        self.members.discard(member)
        member.withdraw()
        if member.sender is not None:
            self.tempo.depart(member.seat.scenario)
        if member.is_away:  # at the end: it is owed what is said until then
            member.absent_until(inf)
        else:
            self.ledger.leave(member.account, member.connection.ended or now(), member.end)
        close = member.connection.close_seen
        if close is None:
            return
        if member.expects_close:
            # One that does not read learns only on leaving that it was cut off before: nobody
            # answers its close frame.
            if close.side is Side.SERVER or close.code == LOST:
                self.lagged[str(close)] += 1
        elif close.side is Side.SERVER:
            self.closed[member.seat.scenario, str(close)] += 1
            self.reasons[str(close), close.reason] += 1
            recently = member.connection.ended - member.connection.behind < _RECENTLY
            self.behind += close.code == TOO_SLOW and recently

    def send(self, member: Member, *, size: int, cadence: Iterator[float], interval: float) -> None:
        """Have `member` send at the times of `cadence`, about `interval` seconds apart."""
        sender = Sender(
            member.connection,
            member.account,
            self.recorder.counters(member.seat.scenario),
            cadence,
            writer=Writer(member.account.key, size),
            interval=interval,
            encode=member.entrance.encode,
        )
        assert member.account.sent is not None
        self._verifier.expect(member.account.key, member.account.sent)
        self._pace(member, sender)

    def _pace(self, member: Member, sender: Sender) -> None:
        """From now on `sender` sends for `member`, whenever the server reads."""
        member.sender = sender
        if sender.due < inf:
            self.pacer.add(sender)

        def on_unblocked() -> None:
            if sender.resume():
                self.pacer.add(sender)

        member.connection.on_unblocked = on_unblocked

    def start(self, senders: Mapping[str, int] | None = None) -> None:
        """Let the senders begin; the second time does nothing. `senders`: those of all processes,
        where there are others."""
        if not self.started:
            if senders is not None:
                self.tempo.tell(senders)
            self.started = now() + _RUN_UP
            self.begun.set()

    def wait_for_start(self) -> float:
        """Wait until senders may begin; returns the time to begin at, which may be just now."""
        self.begun.wait()
        return max(self.started, now())

    @property
    def failed(self) -> Counter[tuple[str, str]]:
        """By scenario and sentence: connections that did not come about."""
        return self._door.failed

    def senders(self) -> Iterator[Sender]:
        """Of all members that send."""
        return (member.sender for member in self.members if member.sender is not None)

    @property
    def alive(self) -> int:
        """Connections that are open."""
        return len(self.connections) + sum(
            member.connection.state is State.OPEN for member in self.members
        )

    def ping(self) -> None:
        """Send a ping over every connection."""
        for member in self.members:
            member.connection.ping()
        for connection in self.connections:
            connection.ping()

    def hush(self) -> None:
        """Send what is due, then nothing any more, and take back what has not begun to leave."""
        if self.hushed:
            return
        self.lineup.close()
        self.pacer.run()
        self.hushed = now()
        self.pacer.stop()
        for member in self.members:
            is_blocked, withdrawn = member.connection.blocked, member.withdraw()
            if member.sender is not None and member.connection.state is State.OPEN:
                due = withdrawn + member.sender.owing(self.hushed)
                if is_blocked:
                    self.blocked += due
                else:
                    self.unsent += due

    def books(self, *, with_sent: bool = True) -> Books:
        """The ledger's books, once everybody whose connection is over has left it."""
        for member in [*self.members]:
            if member.connection.state is State.CLOSED:
                self.part(member)
        return self.ledger.books(with_sent=with_sent)

    @property
    def silences(self) -> list[Silence]:
        """Times in which nothing arrived in this process, from the first message to the last."""
        return self._listener.silences(self.started, self.hushed) if self.started else []

    def close(self) -> None:
        self._alarm.close()

    def heard(self, moment: float) -> None:
        """Something arrived: called after each chunk that a connection has taken in."""
        self._listener.heard(moment)
        if moment >= self.pacer.due:
            self.pacer.run()
