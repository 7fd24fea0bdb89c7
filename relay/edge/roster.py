"""Who is connected to this relay, and why others have left."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from relay.account import Account
from relay.edge.load import load_of
from relay.member.session import Session
from relay.wire.closing import Reason


class Client(Protocol):
    """An open connection, as those see it who look after all of them."""

    session: Session

    def abort(self) -> None:
        """End it without a word."""

    def beat(self, now: float) -> int:
        """Look whether its time is up; `now` is seconds of the event loop's clock.

        Return how many bytes are held for it alone, and that nobody counts at once.
        """


_AGAIN: Final = 0.05  # seconds between two looks for somebody who has to go
_RELIEVED: Final = 0.9  # of the limit: until then
_MUCH: Final = 64 * 1024  # bytes: to close a client that holds less would not help


@dataclass(slots=True)
class Roster:
    """All open connections, also those that are being closed."""

    account: Account
    held_limit: int  # bytes that may be held in all
    per_address: int = 0  # MAX_CONNECTIONS_PER_IP; 0 is no limit
    clients: dict[Client, None] = field(default_factory=dict)  # in the order of their arrival
    by_address: Counter[str] = field(default_factory=Counter)
    deciding: Counter[str] = field(default_factory=Counter)  # handshakes, by address
    closing: dict[str, dict[Client, None]] = field(default_factory=dict)  # by address
    arrived: int = 0
    left: Counter[str] = field(default_factory=Counter)  # by reason, lower case
    relieved_at: float = -_AGAIN  # of the event loop's clock
    slowed: int = 0  # times that a client was not read for a while, for its rates
    slowed_seconds: float = 0.0  # in all

    def add(self, client: Client) -> None:
        self.clients[client] = None
        self.by_address[client.session.options.address] += 1
        self.arrived += 1

    def snapshot(self) -> dict[str, Any]:
        """Return its counters, as JSON can hold them."""
        return {
            "arrived": self.arrived,
            "left": self.left,
            "slowed": [self.slowed, self.slowed_seconds],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the counters of another."""
        self.arrived += state["arrived"]
        self.left.update(state["left"])
        slowed, seconds = state["slowed"]
        self.slowed += slowed
        self.slowed_seconds += seconds

    def note_slowed(self, seconds: float) -> None:
        """A client is not read for so long, for MESSAGE_RATE or BYTE_RATE."""
        self.slowed += 1
        self.slowed_seconds += seconds

    def take(self, client: Client) -> None:
        """A client that another process has accepted; it has a place if it is not being closed."""
        address = client.session.options.address
        self.clients[client] = None
        if client.session.is_open:
            self.by_address[address] += 1
        else:
            self.closing.setdefault(address, {})[client] = None

    def note_left_behind(self) -> None:
        """Those who had arrived at another process, and have not been taken, are asked to leave."""
        count = self.arrived - len(self.clients) - sum(self.left.values())
        if count:
            self.left[Reason.RESTARTING.name.lower()] += count

    def free_place(self, client: Client) -> None:
        """A client is being closed: its place is free for its successor.

        Its socket still counts: an address has as many that are being closed as may be open.
        """
        address = client.session.options.address
        closing = self.closing.setdefault(address, {})
        closing[client] = None
        if self.per_address and len(closing) > self.per_address:
            next(iter(closing)).abort()
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]

    def remove(self, client: Client, reason: str) -> None:
        """A connection has ended."""
        address = client.session.options.address
        self.clients.pop(client, None)
        closing = self.closing.get(address, {})
        closing.pop(client, None)
        if not closing:
            self.closing.pop(address, None)
        self.left[reason] += 1

    def relieve(self, now: float) -> None:
        """Close those who hold most and move slowest, until there is memory again.

        Not more often than it helps: what only rooms hold is not theirs to give back.
        """
        if now - self.relieved_at < _AGAIN:
            return
        self.relieved_at = now
        loads = [(load_of(client.session, now), client) for client in self.clients]
        loads.sort(key=lambda each: each[0].weight, reverse=True)
        for load, client in loads:
            if self.account.held <= self.held_limit * _RELIEVED:
                break
            if load.held >= _MUCH:
                client.session.close(Reason.OVERLOADED.close(held=load.held), 0)
