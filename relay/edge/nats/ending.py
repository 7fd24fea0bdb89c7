"""How work that uses nats-py is ended: the library may take a cancellation for one of its own.

Where it flushes, it catches it and goes on; a task that waits for its next turn then never ends.
"""

import asyncio
from typing import Any, Final

_AGAIN: Final = 0.1  # seconds


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel the task until it has ended; what became of it is not told."""
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_AGAIN)
