"""A connection that ends before the relay has looked at it."""

import asyncio
import socket
from typing import Any

from aiohttp import web

from relay.settings import Settings
from relay.web.app import create_app
from relay.web.context import CONTEXT
from relay.web.http_protocol import HttpProtocol


async def test_one_that_ends_before_its_first_turn_is_no_fault() -> None:
    """As when another relay takes over in the pass in which it was accepted."""
    loop = asyncio.get_running_loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, fault: faults.append(fault))
    app = create_app(Settings.load(), 1000)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    ours, theirs = socket.socketpair()
    with theirs:
        protocol = HttpProtocol(runner.server, app[CONTEXT], loop)
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        before = asyncio.all_tasks()
        protocol.connection_made(transport)
        (turn,) = asyncio.all_tasks() - before
        protocol.connection_lost(None)
        await asyncio.wait([turn])
        assert turn.cancelled() or turn.exception() is None
        transport.close()
    await runner.cleanup()
    assert faults == []
