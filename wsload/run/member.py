"""A member of a run: its connections, its account, and perhaps a sender."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wsload.account.account import Account, End
from wsload.client.annotated import Standing
from wsload.client.closes import FINAL, Side
from wsload.client.connection import Connection
from wsload.client.handshake import Request
from wsload.client.websocket import WebSocket
from wsload.run.inbox import Inbox
from wsload.run.seat import Seat
from wsload.run.sender import Sender


@dataclass(frozen=True, slots=True)
class Entrance:
    """How a member gets in, also when it comes back."""

    request: Callable[[], Request]
    inbox: type[Inbox] = Inbox
    enter: Callable[[WebSocket], None] | None = None
    """What is to be said before it is in; none: the handshake was all."""
    encode: Callable[[bytes], str | bytes] | None = None
    """How the server wants a payload; none: as it is, binary."""
    decode: Callable[[str | bytes], bytes | None] | None = None
    """Takes a payload out of a message, or nothing; none: every message is a payload."""
    text: bool = False  # text comes as well, and is no fault
    echo: bool = False  # it is sent its own messages as well
    checked: bool = True  # else it is owed nothing
    receive_buffer: int = 0  # bytes; 0: the kernel's default
    standing: Standing | None = None  # of relay.v1; none: the protocol is raw

    @property
    def talks(self) -> bool:
        """Whether messages come that are no payloads."""
        return self.text or self.enter is not None or self.decode is not None


class Leave(Protocol):
    """What the run does when a member goes."""

    def __call__(self, member: "Member", *, waited: bool = False) -> None: ...


class Member:
    """One user of a run that has joined."""

    __slots__ = (
        "_leave", "account", "comes_back", "connection", "entrance", "expects_close", "seat",
        "sender", "socket",
    )  # fmt: skip

    def __init__(
        self,
        seat: Seat,
        entrance: Entrance,
        account: Account,
        connection: Connection,
        socket: WebSocket | None,
        leave: Leave,
    ) -> None:
        self.seat = seat
        self.entrance = entrance
        self.account = account
        self.connection = connection
        self._leave = leave
        self.socket = socket
        """For messages that are no payloads; none: there are none."""
        self.sender: Sender | None = None
        self.expects_close = False
        """The server may close this one without anything being wrong: it lags on purpose."""
        self.comes_back = False
        """It connects again when the server closes it."""

    @property
    def end(self) -> End:
        """How its last connection ended; `STAYED`: it has not."""
        close = self.connection.close_seen
        if close is None:
            return End.STAYED
        return End.CLOSED if close.side is Side.SERVER else End.LEFT

    @property
    def is_away(self) -> bool:
        """Whether it is one that comes back, and was closed for a reason that lets it."""
        close = self.connection.close_seen
        return (
            self.comes_back
            and close is not None
            and close.side is Side.SERVER
            and close.code not in FINAL
        )

    def absent_until(self, back: float) -> None:
        """Have it counted that it was away since its connection ended."""
        close = self.connection.close_seen
        assert close is not None, "it is still connected"
        self.account.absent(self.connection.ended, back, close.code)

    def withdraw(self) -> int:
        """Take back what the server has not begun to read: it was never sent. Returns how many
        messages."""
        return self.sender.withdraw() if self.sender is not None else 0

    def leave(self, *, waited: bool = False) -> None:
        """Have what happened until now counted, and close; for `waited` see the ledger."""
        self._leave(self, waited=waited)
