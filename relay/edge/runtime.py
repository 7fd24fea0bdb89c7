"""What all connections of a relay share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from relay.edge.connection_log import ConnectionLog
from relay.edge.roster import Roster
from relay.edge.turns import Turns
from relay.member.session import Session
from relay.member.terms import Terms
from relay.room.hub import Hub
from relay.settings import Settings

READ: Final = 64 * 1024  # bytes read from a client at once


@dataclass(frozen=True, slots=True)
class Runtime:
    """Every connection reads into `buffer`, one after the other, and keeps nothing in it."""

    settings: Settings
    hub: Hub
    roster: Roster
    terms: Terms
    loop: asyncio.AbstractEventLoop
    interval: float  # seconds between pings
    period: float  # seconds between two looks at a connection
    turns: Turns  # of those who have sent more than their share
    renew: Callable[[Session, str], None]  # check a fresh token of a session, and take it or close
    connection_log: ConnectionLog = field(default_factory=ConnectionLog)
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(READ)))
