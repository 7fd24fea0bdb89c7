"""How users get in: the handshake, and a connection with what it is to be measured with."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from aiohttp import WSMessage

from wsload.account.account import Account
from wsload.account.order import Order
from wsload.account.verifier import Verifier
from wsload.client.address import Address
from wsload.client.clock import now
from wsload.client.connection import Connection
from wsload.client.failures import ConnectFailed, WebSocketError, sentence_of
from wsload.client.feed import Feed
from wsload.client.handshake import Opened, Request, connect
from wsload.client.mailbox import Mailbox, MailboxFeed
from wsload.client.websocket import WebSocket
from wsload.run.inbox import Desk, Inbox, TalkingInbox, careful
from wsload.run.member import Entrance
from wsload.run.options import Options
from wsload.run.recorder import Counters, Recorder, ticks
from wsload.run.seat import Seat
from wsload.run.servers import Servers


class Door:
    """Of one run in one process."""

    def __init__(
        self,
        options: Options,
        servers: Sequence[Address],
        recorder: Recorder,
        verifier: Verifier,
        order: Order | None,
        heard: Callable[[float], None],
    ) -> None:
        """`heard` gets the time of each read, of any connection, when it has been taken in."""
        self._servers = Servers(servers)
        self._context = options.trust.context(servers[0].scheme)
        self._pings = bool(options.ping_every)
        self._recorder = recorder
        self._verifier = verifier
        self._order = order
        self._heard = heard
        self.failed: Counter[tuple[str, str]] = Counter()  # by scenario and sentence

    def admit(
        self, seat: Seat, entrance: Entrance, account: Account
    ) -> tuple[Connection, WebSocket | None]:
        """Connect a member, and say what is to be said before it is in. Returns its connection, and
        the socket for what is no payload; none: there is nothing such. Raises `WebSocketError`;
        what failed is counted here already."""
        opened = self._connect(
            seat.scenario,
            self._servers.next(seat.room),
            entrance.request(),
            receive_buffer=entrance.receive_buffer,
        )
        connection, mailbox = self._connection(seat, entrance, opened, account)
        socket = WebSocket(connection, mailbox, opened) if mailbox is not None else None
        connection.start(opened.leftover)
        try:
            if entrance.standing is not None:
                entrance.standing.wait_for_welcome(connection)
            if entrance.enter is not None and socket is not None:
                entrance.enter(socket)
        except BaseException as error:
            if isinstance(error, WebSocketError):
                self.failed[seat.scenario, str(error)] += 1
            connection.shut()
            raise
        return connection, socket

    def open(self, scenario: str, request: Request) -> tuple[WebSocket, Connection]:
        """A WebSocket that belongs to no member; what failed is counted here already."""
        opened = self._connect(scenario, self._servers.next(), request)
        mailbox = Mailbox(partial(self._failed, scenario))
        counters = self._recorder.counters(scenario)
        connection = self._start(opened, lambda control: MailboxFeed(mailbox, control), counters)
        socket = WebSocket(connection, mailbox, opened)
        connection.start(opened.leftover)
        return socket, connection

    def _connection(
        self, seat: Seat, entrance: Entrance, opened: Opened, account: Account
    ) -> tuple[Connection, Mailbox | None]:
        """The connection of a member, not started, and where what is no payload goes."""
        # What reaches a laggard late is of its own making: nobody's latency.
        counters = self._recorder.counters(seat.scenario) if entrance.checked else Counters()
        on_error = partial(self._failed, seat.scenario)
        mailbox = Mailbox(on_error) if entrance.talks else None
        decode = careful(entrance.decode, on_error) if entrance.decode is not None else None
        desk = Desk(self._verifier, counters, self._order, decode, mailbox, entrance.standing)
        kind: type[Inbox] = TalkingInbox if entrance.talks else entrance.inbox
        connection = self._start(opened, lambda control: kind(account, desk, control), counters)
        return connection, mailbox

    def _failed(self, scenario: str, error: Exception) -> None:
        """The code of a scenario has failed, with a message that it was given."""
        self._recorder.failed(scenario, "receive", sentence_of(error))

    def _start(
        self,
        opened: Opened,
        feed: Callable[[Callable[[WSMessage], None]], Feed],
        counters: Counters,
    ) -> Connection:
        connection = Connection(opened, feed, counters, self._heard)
        if self._pings:

            def on_round_trip(seconds: float) -> None:
                counters.pings[ticks(seconds)] += 1

            connection.on_round_trip = on_round_trip
        return connection

    def _connect(
        self, scenario: str, server: Address, request: Request, *, receive_buffer: int = 0
    ) -> Opened:
        begun = now()
        try:
            opened = connect(server, self._context, request, receive_buffer=receive_buffer)
        except ConnectFailed as failure:
            self.failed[scenario, str(failure)] += 1
            raise
        self._recorder.counters(scenario).connected[ticks(now() - begun)] += 1
        return opened
