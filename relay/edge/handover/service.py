"""Everything that is handed over: what a relay consists of, beside its settings."""

import asyncio
from collections.abc import Mapping
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
    """Connections whose first request is not under way yet are `gates`.

    `busy` are aiohttp's protocols with a request under way: it is answered before they end.
    """

    floor: Floor
    carried: Mapping[str, Carried]
    release: str  # which commit this is
    gates: set[Gate] = field(default_factory=set)
    busy: set[asyncio.Protocol] = field(default_factory=set)
