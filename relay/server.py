"""Listening, signals, and the order in which everything ends."""

import asyncio
import gc
import logging
import os
import signal
from typing import Final

from aiohttp import web

from relay import __version__
from relay.admission import raise_file_limit
from relay.settings import Settings
from relay.web.app import create_app
from relay.web.context import CONTEXT

logger = logging.getLogger("relay")

_BACKLOG: Final = 4096  # handshakes that may wait in the kernel
_IDLE: Final = 15.0  # seconds for a whole request head, and between requests of one connection


class CannotListen(Exception):
    """The address cannot be used; `str()` says why and what to do."""


async def serve(settings: Settings) -> int:
    """Run the relay until SIGTERM or SIGINT; return the exit code.

    0 after a drain; 1 when a second signal ended it at once.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_loop_error)
    app = create_app(settings, raise_file_limit())
    context = app[CONTEXT]
    # The path of a request can hold a token: there is no access log.
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, keepalive_timeout=_IDLE, shutdown_timeout=1.0
    )
    await runner.setup()
    assert runner.server is not None
    try:
        listener = await _listen(loop, runner.server, settings)
    except CannotListen:
        await runner.cleanup()
        raise
    logger.info(
        "relay %s listens on %s, at most %d connections",
        __version__,
        _url(listener),
        context.max_connections,
    )
    if settings.jwt_secret is None:
        logger.warning("JWT_SECRET is not set: anyone may connect to any room under any free name")
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    # What is there now stays; later garbage collections need not look at it.
    gc.collect()
    gc.freeze()

    await stop.wait()
    drain_task = asyncio.create_task(
        context.drain.run(listener.close, settings.drain_window, settings.drain_timeout)
    )
    now_task = asyncio.create_task(stop_now.wait())
    await asyncio.wait((drain_task, now_task), return_when=asyncio.FIRST_COMPLETED)
    is_drained = drain_task.done()
    if not is_drained:
        logger.warning("second signal: %d connections are cut off", len(context.roster.clients))
        for client in tuple(context.roster.clients):
            client.abort()
    drain_task.cancel()
    now_task.cancel()
    await runner.cleanup()
    return 0 if is_drained else 1


async def _listen(
    loop: asyncio.AbstractEventLoop, server: web.Server, settings: Settings
) -> asyncio.Server:
    host, port = settings.listen_address, settings.port
    try:
        return await loop.create_server(server, host, port, backlog=_BACKLOG)
    except OSError as error:
        # asyncio wraps the reason in a sentence of its own; a failed look-up has a negative number.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason.lower()}; "
            "set LISTEN_ADDRESS or PORT to one that is free"
        ) from None


def _url(listener: asyncio.Server) -> str:
    host, port = listener.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _log_loop_error(loop: asyncio.AbstractEventLoop, details: dict[str, object]) -> None:
    """One line for what asyncio would log with a traceback, unless it is a defect of ours."""
    error = details.get("exception")
    if isinstance(error, OSError):  # a socket's, or no file left to accept one with
        logger.error("%s: %s", details.get("message"), error)
    else:
        loop.default_exception_handler(details)
