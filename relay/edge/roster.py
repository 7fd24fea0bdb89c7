"""Who is connected to this relay, and how those who left came to leave."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from relay.account import Account
from relay.wire.closing import Close, Reason


class Client(Protocol):
    """An open connection, as those see it who watch over all of them."""

    @property
    def unfinished(self) -> int:
        """Bytes that it has sent of a message that has not ended."""

    @property
    def backlog(self) -> int:
        """Bytes that wait to be sent to it, behind the entry being sent."""

    def close(self, close: Close, patience: float) -> None:
        """Say why, and end once it has taken its backlog, or after `patience` seconds."""

    def announce_drain(self, seconds: float) -> None:
        """Tell it that this relay goes away, and after how long it is asked to leave."""

    def ignore(self) -> None:
        """Take nothing more of what it sends: another process decides what its room hears."""

    def abort(self) -> None:
        """End it without a word."""

    def beat(self, now: float) -> None:
        """Look whether its time is up; `now` is seconds of the event loop's clock."""


@dataclass(slots=True)
class Roster:
    """All open connections, also those that are being closed."""

    account: Account
    unfinished_limit: int  # bytes of unfinished messages that all clients together may have sent
    clients: dict[Client, None] = field(default_factory=dict)  # in the order of their arrival
    by_address: Counter[str] = field(default_factory=Counter)
    arrived: int = 0
    left: Counter[str] = field(default_factory=Counter)  # by reason, lower case

    def add(self, client: Client, address: str) -> None:
        self.clients[client] = None
        self.by_address[address] += 1
        self.arrived += 1

    def snapshot(self) -> dict[str, Any]:
        """Return its counters, as JSON can hold them."""
        return {"arrived": self.arrived, "left": self.left}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the counters of another."""
        self.arrived += state["arrived"]
        self.left.update(state["left"])

    def take(self, client: Client, address: str, is_open: bool) -> None:
        """A client that another process has accepted; it has a place if it is not being closed."""
        self.clients[client] = None
        if is_open:
            self.by_address[address] += 1

    def note_left_behind(self) -> None:
        """Those who had arrived at another process, and have not been taken, are asked to leave."""
        count = self.arrived - len(self.clients) - sum(self.left.values())
        if count:
            self.left[Reason.RESTARTING.name.lower()] += count

    def depart(self, address: str) -> None:
        """A client of this address is being closed: its place is free for its successor."""
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]

    def remove(self, client: Client, reason: str) -> None:
        """A connection has ended."""
        self.clients.pop(client, None)
        self.left[reason] += 1

    def heaviest(self) -> Client:
        """Return the client whose unfinished message is the longest."""
        return max(self.clients, key=lambda client: client.unfinished)
