"""What happens when the container's memory runs out: the relay refuses before the kernel kills."""

import asyncio
import os

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.lab.waiting import until
from tests.stack.conftest import RunStack

_FULL = 400.0  # seconds to send a hundred megabytes, on a machine that has much else to do


async def test_a_relay_at_its_memory_limit_refuses_new_work_and_lives(run_stack: RunStack) -> None:
    """Readers that stop fill it up to 80 %: 503 then, no new member, and no kill by the kernel."""
    stack = run_stack(RELAY_MEMORY="128m", WRITE_BUFFER_SIZE="100MB", HISTORY_SIZE="0")
    (relay,) = stack.containers("relay")
    stuck: list[ClientConnection] = []
    message = os.urandom(1_000_000)
    try:
        async with asyncio.timeout(_FULL):
            while "short of memory" not in stack.curl("http://localhost/ready"):
                room = f"full-{len(stuck)}"
                # Nobody reads from this one: what is sent to the room waits in the relay.
                reader = await stack.connect("reader", room=room)
                reader.transport.pause_reading()
                stuck.append(reader)
                async with stack.connect("writer", room=room) as writer:
                    for _ in range(12):
                        await writer.send(message)
        with pytest.raises(InvalidStatus) as refused:
            async with stack.connect("late", room="late"):
                pass
        assert refused.value.response.status_code == 503
        assert b"short of memory" in (refused.value.response.body or b"")
    except InvalidStatus as error:  # the limit was reached between the question and the next member
        assert error.response.status_code == 503
    finally:
        for reader in stuck:
            reader.transport.abort()
    state = stack.inspect(relay)
    assert not state["State"]["OOMKilled"]
    assert state["RestartCount"] == 0
    await asyncio.to_thread(
        until,
        lambda: '"ready":true' in stack.curl("http://localhost/ready"),
        "it takes new work again",
    )
