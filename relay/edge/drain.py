"""Stopping is a procedure (rule 7): nobody is cut off in the middle of a message."""

import asyncio
import logging
import random
from collections.abc import Callable
from enum import Enum
from typing import Final

from relay.edge.roster import Roster
from relay.member.ending import CLOSE_TIMEOUT
from relay.wire import notes
from relay.wire.closing import Reason

logger = logging.getLogger("relay")

_MARGIN: Final = 0.4  # seconds of the deadline kept for the end of the process
_TURN: Final = 500  # members told before others get their turn
_READ_ON: Final = 0.05  # seconds in which what the kernel has received already is read and relayed


class State(Enum):
    SERVING = "serving"
    DRAINING = "draining"
    DRAINED = "drained"
    HANDED_OVER = "handed over"  # a successor serves; this process waits to be stopped


class Drain:
    """The state of the server, and the way from serving to drained."""

    def __init__(self, roster: Roster) -> None:
        self.state = State.SERVING
        self._roster = roster
        self._is_drained = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        return self.state is not State.SERVING

    def hand_over(self) -> None:
        """A successor serves: take nothing new, and never again."""
        self._become(State.HANDED_OVER)

    async def run(self, stop_listening: Callable[[], None], window: float, timeout: float) -> None:
        """Drain within `timeout` seconds; members are asked to leave over `window` seconds."""
        if self.state in (State.DRAINING, State.DRAINED):
            await self._is_drained.wait()
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout - _MARGIN
        self._become(State.DRAINING)

        # 1. Take no new connection: a proxy then takes the next handshake to another relay.
        stop_listening()

        # 2. Ask members to leave, in random order and spread over the window, so that they do not
        #    all come back at once; each is closed behind its backlog.
        await asyncio.sleep(min(_READ_ON, timeout / 10))
        members = list(self._roster.clients)
        random.shuffle(members)
        start, window = loop.time(), max(0.0, min(window, deadline - loop.time() - CLOSE_TIMEOUT))
        for index, member in enumerate(members):
            delay = window * index / len(members)
            member.session.tell(notes.drain(round(delay * 1000)))
            if index % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        for index, member in enumerate(members):
            delay = start + window * index / len(members) - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            patience = max(0.0, deadline - loop.time() - CLOSE_TIMEOUT)
            member.session.close(Reason.RESTARTING.close(), patience)

        # 3. Wait for the last of them, and cut off whoever is left at the deadline.
        while self._roster.clients and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for client in tuple(self._roster.clients):
            client.abort()
        await asyncio.sleep(0)
        self._become(State.DRAINED)
        self._is_drained.set()

    def _become(self, state: State) -> None:
        connections = len(self._roster.clients)
        logger.info("%s → %s, %d connections", self.state.value, state.value, connections)
        self.state = state
