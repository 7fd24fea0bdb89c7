"""Sockets of those who are no members: each counts until it is closed, and each kind has its share.

A gate is a connection whose first request is not under way, a guest one that is answered over HTTP.
Beyond a share the one that has been there longest is cut off: who is quick is gone before.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from relay.access.addresses import address_group

BESIDE: Final = 8  # sockets of one address beside its members: a browser opens six
_REFUSED: Final = 8  # more that are told why they are refused


class Guest(Protocol):
    """A connection, before it is a member's."""

    transport: asyncio.Transport | None
    address: str  # what it counts as; empty where it does not

    @property
    def held(self) -> int:
        """Bytes that are held for it."""


class Verdict(Enum):
    ADMITTED = "admitted"
    REFUSED = "refused"  # and told why
    TURNED_AWAY = "turned away"  # without a word


@dataclass(slots=True)
class Doors:
    """All gates and guests, in the order of their arrival.

    `share` is how many there may be of each; `per_address` is MAX_CONNECTIONS_PER_IP. `is_proxy`
    tells whose address is not its clients'. `note` takes an HTTP status and a sentence.
    """

    share: int
    per_address: int
    is_proxy: Callable[[str], bool]
    note: Callable[[int, str], None]
    gates: dict[Guest, None] = field(default_factory=dict)
    guests: dict[Guest, None] = field(default_factory=dict)
    by_address: Counter[str] = field(default_factory=Counter)

    @property
    def limit(self) -> int:
        """How many sockets one address may have here."""
        return self.per_address + BESIDE

    @property
    def is_crowded(self) -> bool:
        """Whether HTTP connections are to end with their answer."""
        return len(self.guests) * 2 > self.share

    @property
    def held(self) -> int:
        """Bytes that are held for all of them."""
        return sum(guest.held for kind in (self.gates, self.guests) for guest in kind)

    def enter(self, gate: Guest) -> Verdict:
        """A connection has been accepted."""
        self._add(gate, self.gates, "handshakes")
        count = self.by_address[gate.address] if gate.address else 0
        if not self.per_address or count <= self.limit:
            return Verdict.ADMITTED
        self.note(429, self.refusal(gate))
        return Verdict.REFUSED if count <= self.limit + _REFUSED else Verdict.TURNED_AWAY

    def refusal(self, gate: Guest) -> str:
        """Return why somebody is refused."""
        return f"{gate.address} has {self.limit} sockets beside its members, the limit"

    def open(self, guest: Guest) -> None:
        """A connection is answered over HTTP."""
        self._add(guest, self.guests, "HTTP connections")

    def leave(self, guest: Guest) -> None:
        """It is closed, or another kind of connection."""
        self.gates.pop(guest, None)
        self.guests.pop(guest, None)
        if guest.address:
            self.by_address[guest.address] -= 1
            if not self.by_address[guest.address]:
                del self.by_address[guest.address]
            guest.address = ""

    def _add(self, guest: Guest, kind: dict[Guest, None], name: str) -> None:
        guest.address = self._address_of(guest)
        if guest.address:
            self.by_address[guest.address] += 1
        kind[guest] = None
        if len(kind) > self.share:
            oldest = next(iter(kind))
            del kind[oldest]  # it counts for its address until it is closed
            self.note(503, f"more than {self.share} {name} at once, the limit: the oldest ends")
            if oldest.transport is not None:
                oldest.transport.abort()

    def _address_of(self, guest: Guest) -> str:
        peer = guest.transport.get_extra_info("peername") if guest.transport else None
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        return "" if not host or self.is_proxy(host) else address_group(host)
