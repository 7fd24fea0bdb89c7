"""A Locust user of any WebSocket server.

    class Guest(WebSocketUser):
        path = "/chat"
        wait_time = between(1, 3)

        def on_start(self):
            self.socket = self.connect()
            self.socket.call({"login": self.name}, {"type": "welcome"})

        @task
        def talk(self):
            self.call({"say": "hello"}, {"type": "said"}, name="say")

What is asked by `call` and `connect` is timed, counted in Locust's table and in the result, and can
be required. `room.RoomUser` is the user whose every delivery is accounted for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any, ClassVar
from urllib.parse import urlencode

import gevent
from gevent.pool import Group
from locust import User
from locust.env import Environment

from wsload.client.clock import now
from wsload.client.failures import Closed, WebSocketError, sentence_of
from wsload.client.handshake import Request
from wsload.client.mailbox import Match, Message
from wsload.client.websocket import TIMEOUT, WebSocket
from wsload.control.plugin import run_of
from wsload.run.lineup import Place
from wsload.run.run import Run
from wsload.run.seat import Seat


class WebSocketUser(User):
    """Connects, sends, expects, calls, listens. Options such as --token and --ca apply."""

    abstract = True

    scenario: ClassVar[str] = ""
    """The name in tables and results; empty: the class's own, in lower case."""
    path: ClassVar[str] = ""
    """Below the path of --host, with its slash."""
    query: ClassVar[Mapping[str, str]] = {}
    headers: ClassVar[Mapping[str, str]] = {}
    cookies: ClassVar[Mapping[str, str]] = {}
    subprotocols: ClassVar[tuple[str, ...]] = ()
    compression: ClassVar[bool] = False
    """Offer permessage-deflate, also without --compression."""
    relay: ClassVar[bool] = False
    """The server is a relay of this project: it is asked for /health and /live."""
    awaited: ClassVar[bool] = False
    """The run does not begin to send before this user has called `arrive`."""
    scheduled: ClassVar[bool] = False
    """It sends nothing before the run begins."""
    climbs: ClassVar[bool] = False
    """--rate is that of all its users together, and --rate-max what it climbs to."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "scenario" not in cls.__dict__ and not cls.__dict__.get("abstract", False):
            cls.scenario = cls.__name__.lower()

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.load: Run = run_of(environment)
        self.seat: Seat = self.load.seating.seat(self.scenario)
        self.place: Place = self.load.lineup.expect(self.scenario, awaited=self.awaited)
        self.socket: WebSocket | None = None
        """The one that was opened last."""
        self.counted: BaseException | None = None
        """The last failure that has been counted already; none: nothing has failed."""

    def start(self, group: Group) -> gevent.Greenlet:
        """Also notice when the user is gone, however that came: the run does not wait for it."""
        greenlet = super().start(group)
        greenlet.link(lambda _: self.place.go())
        return greenlet

    @property
    def name(self) -> str:
        """Of this user, which no other user of the run has."""
        return self.seat.name

    def token(self) -> str:
        """The bearer token of this user; empty: none. As --token, --token-file or JWT_SECRET say,
        unless a scenario knows better."""
        return self.load.tokens(self.name, self.seat.room)

    def request(self, path: str | None = None, query: Mapping[str, str] | None = None) -> Request:
        """The handshake that `connect` sends: `path` and `query` are the class's unless given."""
        address = self.load.address
        headers = dict(self.headers)
        if token := self.token():
            headers.setdefault("Authorization", f"Bearer {token}")
        elif address.authorization:
            headers.setdefault("Authorization", address.authorization)
        if self.cookies:
            cookie = SimpleCookie(dict(self.cookies))
            headers["Cookie"] = "; ".join(
                f"{name}={morsel.coded_value}" for name, morsel in cookie.items()
            )
        return Request(
            address.resource(
                self.path if path is None else path,
                urlencode(self.query if query is None else query),
            ),
            tuple(headers.items()),
            self.subprotocols,
            self.compression or self.load.options.compression,
        )

    def connect(self, path: str | None = None, query: Mapping[str, str] | None = None) -> WebSocket:
        """Open a WebSocket, which is `socket` from now on. Raises `ConnectFailed`, counted."""
        with self.counts_itself():
            self.socket = self.load.open(self.scenario, self.request(path, query))
        return self.socket

    @contextmanager
    def counts_itself(self) -> Iterator[None]:
        """What happens within is counted by the run if it fails with a `WebSocketError`."""
        try:
            yield
        except WebSocketError as error:
            self.counted = error
            raise

    def send(self, message: Message | Mapping[str, Any] | list[Any]) -> None:
        """Send a message now; a mapping or a list as JSON. Raises `Closed`."""
        self._socket().send(message)

    def expect(self, match: Match = None, timeout: float = TIMEOUT, *, name: str = "") -> Message:
        """The first message that matches and nobody has taken; see `WebSocket.expect`. With a
        `name` the wait is an own request."""
        if not name:
            return self._socket().expect(match, timeout)
        with self.own_request(name):
            return self._socket().expect(match, timeout)

    def call(
        self,
        message: Message | Mapping[str, Any] | list[Any],
        match: Match = None,
        timeout: float = TIMEOUT,
        *,
        name: str = "call",
    ) -> Message:
        """Send a message and wait for its answer, an own request; see `WebSocket.call`."""
        with self.own_request(name):
            return self._socket().call(message, match, timeout)

    @contextmanager
    def own_request(self, name: str) -> Iterator[None]:
        """Time what happens within, and count its failure if it raises."""
        begun = now()
        try:
            yield
        except (Exception, gevent.Timeout) as error:
            self.counted = error
            self.load.recorder.failed(self.scenario, name, sentence_of(error))
            raise
        self.load.recorder.answered(self.scenario, name, now() - begun)

    def on_stop(self) -> None:
        """Close what is open."""
        if self.socket is not None:
            self.socket.close()
        self.place.go()

    def _socket(self) -> WebSocket:
        if self.socket is None:
            raise Closed("not connected yet: call connect first")
        return self.socket
