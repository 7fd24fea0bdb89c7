"""200 clients by TLS through a stack, and a relay started beside the one that serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra.watch.witness import Swarm
from tests.lab.stack import Stack
from tests.lab.waiting import LIMIT

ROOMS = 20
CLIENTS = 10  # per room
SIZE = ROOMS * CLIENTS


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[Swarm]:
    """Clients that stay, each saying something every two seconds."""
    async with stack.session() as session:
        swarm = Swarm(
            *(session, "wss://localhost"),
            room="swarm",
            rooms=ROOMS,
            clients=CLIENTS,
            rate=0.5,
            tokens={},
            patience=LIMIT,
        )
        async with swarm.connected():
            yield swarm


def start_beside(stack: Stack, old: str) -> str:
    """Start a second relay as compose does; return its container."""
    scale = ("--scale", "relay=2", "relay")
    stack.compose("up", "-d", "--no-deps", "--no-recreate", *scale)
    (new,) = set(stack.compose("ps", "-a", "-q", "relay").split()) - {old}
    return new


def is_healthy(stack: Stack, container: str) -> bool:
    return str(stack.inspect(container)["State"]["Health"]["Status"]) == "healthy"
