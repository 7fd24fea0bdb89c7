"""Sockets that are not a member's: each counts until it is closed, and each kind has its share.

A gate is a connection whose first request is not under way, a guest one that is answered over HTTP.
If a kind exceeds its share, its oldest socket is cut off: an honest client is done before that. If
more bytes are held for all of them than may be, the one that holds most is cut off.
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
class NonMembers:
    """All gates and guests, in the order of their arrival.

    `share` is how many there may be of each, `held_limit` how many bytes may be held for all of
    them, `per_address` MAX_CONNECTIONS_PER_IP. `is_proxy` tells whose address is not its clients'.
    `note` takes an HTTP status and a sentence.
    """

    share: int
    held_limit: int
    per_address: int
    is_proxy: Callable[[str], bool]
    note: Callable[[int, str], None]
    gates: dict[Guest, int] = field(default_factory=dict)
    guests: dict[Guest, int] = field(default_factory=dict)  # with what was held for each
    by_address: Counter[str] = field(default_factory=Counter)
    heads: int = 0  # bytes of requests that are not under way
    answers: int = 0  # bytes held for all guests, when each was weighed last

    @property
    def limit(self) -> int:
        """How many sockets one address may have here."""
        return self.per_address + BESIDE

    @property
    def is_crowded(self) -> bool:
        """Whether HTTP connections are to end with their answer."""
        return len(self.guests) * 2 > self.share

    def look(self) -> int:
        """Return how many bytes are held for all of them; to be asked now and then.

        While they are too many, the guest that holds most is cut off: its answers are not taken.
        """
        self.guests = {guest: guest.held for guest in self.guests}  # some have been taken
        self.answers = sum(self.guests.values())
        for guest in sorted(self.guests, key=self.guests.__getitem__, reverse=True):
            if self.heads + self.answers <= self.held_limit:
                break
            self._cut(guest, self.guests, f"answers of more than {self.held_limit} bytes wait")
        return self.heads + self.answers

    def weigh(self, guest: Guest) -> None:
        """More is held for a guest, or less: a thousand of them hold much before the next look."""
        if guest not in self.guests:
            return
        held = guest.held
        self.answers += held - self.guests[guest]
        self.guests[guest] = held
        if self.heads + self.answers > self.held_limit:
            self.look()

    def take(self, gate: Guest, size: int) -> None:
        """So much more of its request has come."""
        if gate not in self.gates:
            return
        self.heads += size
        if self.heads > self.held_limit:
            longest = max(self.gates, key=lambda gate: gate.held)
            self._cut(longest, self.gates, f"heads of more than {self.held_limit} bytes wait")

    def enter(self, gate: Guest) -> Verdict:
        """A connection has been accepted."""
        self.heads += gate.held
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
        if guest in self.gates:
            self.heads -= guest.held
            del self.gates[guest]
        self.answers -= self.guests.pop(guest, 0)
        self.uncount(guest)

    def uncount(self, guest: Guest) -> None:
        """It does not count for its address any more: something else does."""
        if guest.address:
            self.by_address[guest.address] -= 1
            if not self.by_address[guest.address]:
                del self.by_address[guest.address]
            guest.address = ""

    def _add(self, guest: Guest, kind: dict[Guest, int], name: str) -> None:
        guest.address = self._address_of(guest)
        if guest.address:
            self.by_address[guest.address] += 1
        kind[guest] = 0
        if len(kind) > self.share:
            self._cut(next(iter(kind)), kind, f"more than {self.share} {name} at once")

    def _cut(self, guest: Guest, kind: dict[Guest, int], why: str) -> None:
        """Cut somebody off, who counts for its address until it is closed."""
        if kind is self.gates:
            self.heads -= guest.held
        else:
            self.answers -= kind[guest]
        del kind[guest]
        self.note(503, f"{why}: one was cut off")
        if guest.transport is not None:
            guest.transport.abort()

    def _address_of(self, guest: Guest) -> str:
        peer = guest.transport.get_extra_info("peername") if guest.transport else None
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        return "" if not host or self.is_proxy(host) else address_group(host)
