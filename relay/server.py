"""Listening, signals, and the order in which everything ends."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from relay import __version__
from relay.access.admission import raise_file_limit
from relay.edge.listener import Listener, bind
from relay.edge.watch import Watch
from relay.settings import Settings
from relay.web.app import create_app
from relay.web.context import CONTEXT

logger = logging.getLogger("relay")

_IDLE: Final = 15.0  # seconds for a whole request head, and between requests of one connection


_ADVICE: Final = {
    errno.EADDRINUSE: "set PORT or LISTEN_ADDRESS to one that is free",
    errno.EACCES: "set PORT to 1024 or more, or run it with the right to use this one",
}


class CannotListen(Exception):
    """The address cannot be used; `str()` says why and what to do."""


async def serve(settings: Settings) -> int:
    """Run the relay until SIGTERM or SIGINT; return the exit code.

    0 after a drain; 1 when a second signal ended it at once.
    """
    loop = asyncio.get_running_loop()
    app = create_app(settings, raise_file_limit())
    context = app[CONTEXT]
    # The path of a request can hold a token: there is no access log.
    http_logger = logging.getLogger("aiohttp.server")
    http_logger.setLevel(logging.DEBUG)  # it hides some of what strangers send
    http_logger.addFilter(partial(_note_malformed, context.watch))
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, keepalive_timeout=_IDLE, shutdown_timeout=0.1
    )
    await runner.setup()
    assert runner.server is not None
    try:
        listener = Listener(await _bind(settings), runner.server)
    except CannotListen:
        await runner.cleanup()
        raise
    listener.start()
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


async def _bind(settings: Settings) -> list[socket.socket]:
    host, port = settings.listen_address, settings.port
    try:
        return await bind(host, port)
    except OSError as error:
        number = error.errno or 0  # negative where the name was not found
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        advice = _ADVICE.get(number, "set LISTEN_ADDRESS to an address of this machine")
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason.lower()}; {advice}"
        ) from None
    except UnicodeError:
        raise CannotListen(
            f"cannot listen on {host} port {port}: not an address or the name of a host; "
            "set LISTEN_ADDRESS to an address of this machine"
        ) from None


def _note_malformed(watch: Watch, record: logging.LogRecord) -> bool:
    """Count bytes that are no HTTP request, and leave one line of aiohttp's traceback.

    They come from strangers, and could quote a token: their own text is left out.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, web.RequestPayloadError):
        return False  # the rest of a body whose request has been refused, counted and logged
    if isinstance(error, HttpProcessingError):
        watch.refused[error.code] += 1
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "refused a request: %d %s", (error.code, type(error).__name__)
        record.exc_info = None
    return record.levelno > logging.DEBUG


def _url(listener: Listener) -> str:
    host, port = listener.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
