"""Everything that is handed over: what a relay consists of, beside its settings."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from relay.edge.gate import Gate
from relay.edge.non_members import NonMembers
from relay.edge.runtime import Runtime


class Carried(Protocol):
    """Counts and samples that go on in the successor."""

    def snapshot(self) -> Any:
        """Return its state as JSON can hold it."""

    def restore(self, state: Any) -> None:
        """Go on from the state of another."""


@dataclass(slots=True)
class Service:
    """`non_members` has the connections that are no members.

    `rest` returns when the logs have answered all that was published; nobody publishes any more
    until `go_on`, or it raises `TimeoutError`. `busy` are aiohttp's protocols with a request under
    way: it is answered before they end.
    """

    runtime: Runtime
    carried: Mapping[str, Carried]
    release: str  # which commit this is
    non_members: NonMembers
    rest: Callable[[], Awaitable[None]] | None = None  # None: a log answers at once
    go_on: Callable[[], None] | None = None
    busy: set[asyncio.Protocol] = field(default_factory=set)

    @property
    def gates(self) -> list[Gate]:
        """Connections whose first request is not under way yet."""
        return [gate for gate in self.non_members.gates if isinstance(gate, Gate)]
