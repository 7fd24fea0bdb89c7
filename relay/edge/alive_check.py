"""Whether the holder of a name is there: it is asked, and has two seconds for a sign of life."""

import asyncio
from typing import Final

from relay.member.session import Session

PATIENCE: Final = 2.0  # seconds for a sign of life, and for which the answer holds


class AliveCheck:
    """Asked once for all newcomers who want the name meanwhile.

    Anything heard or taken within 2 s is a sign of life, and so is that the relay itself does not
    read the client.
    """

    def __init__(self, holder: Session, loop: asyncio.AbstractEventLoop) -> None:
        self._sign = loop.create_future()
        self._ends = loop.time() + 2 * PATIENCE
        self._loop = loop
        self._ask_task = loop.create_task(self._ask(holder))

    @property
    def is_recent(self) -> bool:
        """Whether its verdict still holds."""
        return self._loop.time() < self._ends

    def hear(self) -> None:
        """Something has come from the client, or its connection has ended."""
        if not self._sign.done():
            self._sign.set_result(None)

    @property
    def seems_alive(self) -> bool:
        """Its verdict while that holds; before and after it, the holder is taken to be there."""
        is_decided = self._ask_task.done() and not self._ask_task.cancelled()
        return not (is_decided and self.is_recent) or self._ask_task.result()

    async def is_alive(self) -> bool:
        return await asyncio.shield(self._ask_task)

    async def _ask(self, holder: Session) -> bool:
        if holder.is_unread:
            return True
        heard, acknowledged = holder.liveness.heard, holder.owner.acknowledged()
        was_blocked = holder.outbox.is_blocked
        holder.ping()
        await asyncio.wait((self._sign,), timeout=PATIENCE)
        self._ends = self._loop.time() + PATIENCE
        if not holder.is_open:
            return False
        # Without a backlog the client's kernel acknowledges the ping: that is no sign of life.
        is_blocked = was_blocked or holder.outbox.is_blocked
        has_taken = is_blocked and holder.owner.acknowledged() > acknowledged
        return holder.is_unread or holder.liveness.heard > heard or has_taken
