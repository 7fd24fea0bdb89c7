"""Everything that is handed over: what a relay consists of, beside its settings."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from relay.edge.floor import Floor
from relay.edge.gate import Gate


class Carried(Protocol):
    """Counts and samples that go on in the successor."""

    def snapshot(self) -> Any:
        """Return its state as JSON can hold it."""

    def restore(self, state: Any) -> None:
        """Go on from the state of another."""


@dataclass(slots=True)
class Service:
    """Connections without a whole head are `gates`.

    `handshakes` are those that wait for the holder of a name, with their heads: they are asked
    again by the successor.
    """

    floor: Floor
    carried: Mapping[str, Carried]
    release: str  # which commit this is
    gates: set[Gate] = field(default_factory=set)
    handshakes: dict[asyncio.Transport, bytes] = field(default_factory=dict)

    @contextmanager
    def waiting(self, transport: asyncio.Transport | None, head: bytes) -> Iterator[None]:
        """The handshake with this head waits for somebody while the context is open."""
        if transport is None:
            yield
            return
        self.handshakes[transport] = head
        try:
            yield
        finally:
            self.handshakes.pop(transport, None)
