"""The user that every scenario builds on: a member of a room, for as long as the run lasts."""

from random import uniform
from typing import ClassVar

from gevent import sleep, wait
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from wsload.client.failures import ConnectFailed
from wsload.control.plugin import run_of
from wsload.run.cadence import constant, phase
from wsload.run.inbox import Inbox
from wsload.run.run import Member, Run, Seat

_SPREAD = 0.1  # seconds at most until a member comes back: not all in the same millisecond
_RETRY = 0.25  # seconds after a handshake that failed


class WebSocketUser(User):
    """Joins, sends on a schedule if it is a sender, stays until the end or until it is cut off."""

    abstract = True

    scenario: ClassVar[str]
    payload: ClassVar[int] = 1024  # bytes
    interval: ClassVar[float] = 10.0  # milliseconds between one sender's messages
    sender_every: ClassVar[int] = 1  # every n-th member of a room sends
    inbox: ClassVar[type[Inbox]] = Inbox

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.relay_run: Run = run_of(environment)
        self.relay_run.lineup.expect()
        self.seat: Seat = self.relay_run.seat(self.scenario)
        self.member: Member | None = None

    @task
    def take_part(self) -> None:
        """The one task of a user: it lasts as long as the user."""
        try:
            self.live()
        except ConnectFailed:
            # Counted by its sentence, which the run tells at its end.
            self.relay_run.lineup.retire(arrived=False)
        else:
            if not self.relay_run.hushed:
                self.relay_run.lineup.retire()
        raise StopUser

    def live(self) -> None:
        """Join, send if it is a sender, stay until the connection is over."""
        self.member = member = self.join()
        member.comes_back = self.relay_run.options.reconnect and not member.expects_close
        if self.seat.every(self.relay_run.options.sender_every or self.sender_every):
            self.send(member)
        else:
            self.relay_run.lineup.arrive()
        member.connection.closed.wait()
        while member.is_away and not self.relay_run.hushed:
            self.come_back(member)
            member.connection.closed.wait()
        self.relay_run.part(member)

    def wait_for_start(self, member: Member) -> float:
        """Wait until senders may begin, and come back meanwhile if need be; returns the time."""
        run = self.relay_run
        run.line_up(self.scenario)
        while member.comes_back and not run.begun.is_set():
            wait([run.begun, member.connection.closed], count=1)
            if not member.is_away:
                break
            self.come_back(member)
        return run.wait_for_start()

    def come_back(self, member: Member) -> None:
        """Connect again, as often as it takes, until the run sends nothing any more."""
        sleep(uniform(0, _SPREAD))  # noqa: S311
        while not self.relay_run.hushed:
            try:
                self.relay_run.rejoin(member)
            except ConnectFailed:  # counted
                sleep(_RETRY)
            else:
                return

    def join(self) -> Member:
        """How this scenario's user connects; raises `ConnectFailed`."""
        return self.relay_run.join(self.seat, inbox=self.inbox)

    def send(self, member: Member) -> None:
        """Begin to send, when it is time: one message every `interval`."""
        interval = (self.relay_run.options.interval or self.interval) / 1000
        start = self.wait_for_start(member)
        self.relay_run.send(
            member,
            size=self.relay_run.options.payload or self.payload,
            cadence=constant(start + phase(self.seat.place) * interval, interval),
            interval=interval,
        )

    def on_stop(self) -> None:
        if self.member is not None:
            self.member.leave()
