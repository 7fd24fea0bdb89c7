"""Users whose every delivery is accounted for: members of rooms, with or without a schedule."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import uniform
from typing import Any, ClassVar
from urllib.parse import quote

from gevent import sleep, wait
from locust import User, tag, task
from locust.env import Environment
from locust.exception import StopUser

from wsload.client.annotated import PROTOCOL, Standing
from wsload.client.clock import now
from wsload.client.connection import State
from wsload.client.failures import Closed, WebSocketError
from wsload.client.handshake import Request
from wsload.client.websocket import WebSocket
from wsload.run.cadence import constant, phase, thoughtful
from wsload.run.inbox import Inbox
from wsload.run.member import Entrance, Member
from wsload.user import WebSocketUser

_SPREAD = 0.1  # seconds at most until a member comes back: not all in the same millisecond
_RETRY = 0.25  # seconds after a handshake that failed


class RoomUser(WebSocketUser):
    """A member of a room from `join` on. What `publish` sends is owed to all others in the room.

    By default the server is a relay of this project; for others set `path` or override `request`,
    and where that is not enough `enter`, `encode` and `decode`.
    """

    abstract = True
    awaited = True
    relay = True

    payload: ClassVar[int] = 1024  # bytes
    interval: ClassVar[float] = 10.0  # milliseconds between one sender's messages on schedule
    talks: ClassVar[bool] = False
    """Text comes as well, which is none of the payloads and can be had from the socket."""
    inbox: ClassVar[type[Inbox]] = Inbox
    echo: ClassVar[bool] = False
    """The server sends everybody's messages back to them, also without --echo."""
    receive_buffer: ClassVar[int] = 0  # bytes; 0: the kernel's default

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        own = cls.path or cls.request is not RoomUser.request or cls.enter is not RoomUser.enter
        if own and "relay" not in cls.__dict__:
            cls.relay = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.member: Member | None = None
        is_annotated = self.relay and self.load.options.protocol == PROTOCOL
        self.standing = Standing() if is_annotated else None

    def request(self, *_: Any) -> Request:
        """The handshake: of a relay, /ws/NAME?room=ROOM, unless the scenario has a path."""
        if self.path:
            return super().request()
        path = f"/ws/{quote(self.name, safe='')}"
        query = {"room": self.seat.room} | ({"echo": "1"} if self.asks_echo else {})
        if self.standing is None:
            return super().request(path, query)
        query |= self.standing.options()
        made = super().request(path, query)
        return replace(made, subprotocols=(PROTOCOL, *made.subprotocols))

    def enter(self, socket: WebSocket) -> None:
        """Say what the server wants to hear before the user is in the room; it is owed messages
        from then on. Raises `WebSocketError` where that fails."""

    def encode(self, payload: bytes) -> str | bytes:
        """How the server wants one of our messages."""
        return payload

    def decode(self, message: str | bytes) -> bytes | None:
        """Take one of our messages out of what the server sends; none: it is none of them, and can
        be had from the socket."""
        return message if isinstance(message, bytes) else None

    @property
    def asks_echo(self) -> bool:
        return self.echo or self.load.options.echo

    @property
    def entrance(self) -> Entrance:
        """How this user gets in, also when it comes back."""
        kind = type(self)
        return Entrance(
            self.request,
            kind.inbox,
            enter=None if kind.enter is RoomUser.enter else self.enter,
            encode=None if kind.encode is RoomUser.encode else self.encode,
            decode=None if kind.decode is RoomUser.decode else self.decode,
            text=self.talks,
            echo=self.asks_echo,
            receive_buffer=self.receive_buffer,
            standing=self.standing,
        )

    def join(self) -> Member:
        """Connect and enter. Raises `WebSocketError`; a connection that failed is counted."""
        with self.counts_itself():
            self.member = self.load.join(self.seat, self.entrance)
        self.socket = self.member.socket
        self.place.arrive()
        return self.member

    def publish(self, size: int = 0) -> None:
        """Send one message of `size` bytes (0: the scenario's own) to the room, now. All messages
        of a user have the size of its first. Once the run has ended its sending, and waits for what
        is missing, nothing is sent any more. Raises `Closed`."""
        if self.load.hushed:
            return
        member = self.member
        if member is None or member.connection.state is not State.OPEN:
            raise Closed("not in a room: call join first")
        if member.sender is None:
            size = size or self.load.options.payload or self.payload
            self.load.send(member, size=size, cadence=iter(()), interval=1.0)
        assert member.sender is not None
        member.sender.say(now())

    def send_on_schedule(self, member: Member) -> None:
        """Begin to send when everybody has joined, one message every `interval`, in the
        background."""
        start = self.wait_for_start(member)
        interval = (self.load.options.interval or self.interval) / 1000
        self.load.send(
            member,
            size=self.load.options.payload or self.payload,
            cadence=self.cadence(start, interval),
            interval=interval,
        )

    def cadence(self, start: float, interval: float) -> Iterator[float]:
        """When it sends (seconds since the epoch), from `start` on."""
        return constant(start, interval, phase(self.seat.place))

    def wait_for_start(self, member: Member) -> float:
        """Wait until senders may begin; returns the time."""
        self.load.tempo.arrive(self.scenario)
        self.place.arrive()
        return self.load.wait_for_start()

    def on_stop(self) -> None:
        if self.member is not None:
            self.member.leave()
        self.place.go()


class ScheduledUser(RoomUser):
    """Joins, sends on a schedule if it is a sender, stays until the end or until it is cut off.

    The schedule is open: it goes on whatever the server does. With a `wait_time` of Locust's kind
    that is what lies between two messages, else `interval`.
    """

    abstract = True
    scheduled = True

    sender_every: ClassVar[int] = 1  # every n-th member of a room sends

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if not cls.__dict__.get("abstract", False):
            # A task of its own for each scenario, so that --tags chooses scenarios.
            def take_part(user: "ScheduledUser") -> None:
                user.take_part()

            cls.tasks = [tag(cls.scenario)(take_part)]

    @task
    def take_part(self) -> None:
        """The one task of a user: it lasts as long as the user."""
        with suppress(WebSocketError):  # counted by its sentence, which the run tells at its end
            self.live()
        if not self.load.hushed:
            self.place.go()
        raise StopUser

    def live(self) -> None:
        """Join, send if it is a sender, stay until the connection is over."""
        self.member = member = self.enroll()
        options = self.load.options
        # A climb goes beyond what holds, and the next step wants everybody back.
        member.comes_back = (options.reconnect or bool(options.rate_max)) and (
            not member.expects_close
        )
        if self.seat.every(options.sender_every or self.sender_every):
            self.send_on_schedule(member)
        else:
            self.place.arrive()
        member.connection.closed.wait()
        while member.is_away and not self.load.hushed:
            self.come_back(member)
            member.connection.closed.wait()
        self.load.part(member)

    def enroll(self) -> Member:
        """How this scenario's user connects; raises `WebSocketError`."""
        return self.load.join(self.seat, self.entrance)

    def come_back(self, member: Member) -> None:
        """Connect again, as often as it takes, until the run sends nothing any more."""
        sleep(uniform(0, _SPREAD))  # noqa: S311
        while not self.load.hushed:
            try:
                self.load.rejoin(member)
            except WebSocketError:  # counted
                sleep(_RETRY)
            else:
                return

    def wait_for_start(self, member: Member) -> float:
        """Wait until senders may begin, and come back meanwhile if need be; returns the time."""
        load = self.load
        load.tempo.arrive(self.scenario)
        self.place.arrive()
        while member.comes_back and not load.begun.is_set():
            wait([load.begun, member.connection.closed], count=1)
            if not member.is_away:
                break
            self.come_back(member)
        return load.wait_for_start()

    def cadence(self, start: float, interval: float) -> Iterator[float]:
        if type(self).wait_time is not User.wait_time:
            return thoughtful(start, self.wait_time)
        return super().cadence(start, interval)
