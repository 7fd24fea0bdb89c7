"""One relay from its start to its end: take over or begin, serve, hand over or drain."""

import asyncio
import gc
import logging
import signal
import time
from typing import Final

from aiohttp import web

from relay import __version__
from relay.access.admission import raise_file_limit
from relay.access.openness import what_is_open
from relay.edge.gate import Gate, NewProtocol
from relay.edge.handover import rendezvous
from relay.edge.handover.channel import Broken
from relay.edge.handover.desk import Desk
from relay.edge.handover.service import Service
from relay.edge.handover.successor import Refused, Successor, Taken
from relay.edge.listener import Listener
from relay.edge.sockets import CannotListen, open_sockets, urls
from relay.edge.watch import Handover
from relay.settings import Settings
from relay.web.app import NewLog, create_app
from relay.web.context import CONTEXT, Context
from relay.web.http_protocol import HttpProtocol, quieten_aiohttp
from relay.wire.closing import Reason

logger = logging.getLogger("relay")

_TRIES: Final = 5  # to take over from a relay that could not hand over in time
_PAUSE: Final = 0.5  # seconds between them


async def serve(settings: Settings, new_log: NewLog) -> int:
    """Run the relay until SIGTERM or SIGINT; return the exit code.

    0 after a drain; 1 when a second signal ended it at once.
    """
    app = create_app(settings, raise_file_limit(), new_log)
    context = app[CONTEXT]
    quieten_aiohttp()
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    gc.collect()
    try:
        listener, desk = await _begin(settings, context, runner)
    except CannotListen:
        await runner.cleanup()
        raise
    # What is there now stays; later garbage collections need not look at it.
    gc.freeze()
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    await stop.wait()
    if desk is not None:
        desk.close()
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


async def _begin(
    settings: Settings, context: Context, runner: web.AppRunner
) -> tuple[Listener, Desk | None]:
    """Take over from the relay that serves, or begin anew; then serve."""
    service, server, loop = context.service, runner.server, asyncio.get_running_loop()
    assert server is not None

    def inside() -> HttpProtocol:
        return HttpProtocol(server, context, loop)

    taken = await _take_over(settings, service)
    sockets = await open_sockets(settings, taken.listeners if taken else ())
    listener = Listener(sockets, lambda: Gate(inside, service.gates))
    listener.start()
    if taken is not None:
        _go_on(taken, context, inside)
    logger.info(
        "relay %s listens on %s, at most %d connections",
        __version__,
        urls(sockets),
        context.max_connections,
    )
    for sentence in what_is_open(settings):
        logger.warning("open to everybody: %s", sentence)
    if settings.handover_socket is None:
        return listener, None
    drained: set[asyncio.Task[None]] = set()

    def on_end(left: int) -> None:
        context.drain.hand_over()
        server.pre_shutdown()  # idle connections end, requests under way are answered
        if left:
            drain = context.drain.run(lambda: None, settings.drain_window, settings.drain_timeout)
            drained.add(asyncio.create_task(drain))

    try:
        return listener, Desk(settings.handover_socket, service, listener, on_end)
    except rendezvous.NotOurs as error:
        raise CannotListen(str(error)) from None


async def _take_over(settings: Settings, service: Service) -> Taken | None:
    """Return what another relay has handed over; None if there is none."""
    if settings.handover_socket is None:
        return None
    for attempt in range(_TRIES):
        try:
            sock = rendezvous.find(settings.handover_socket)
            if sock is None:
                return None
            return await Successor(sock, service).run()
        except (Refused, rendezvous.NotOurs) as error:
            raise CannotListen(f"cannot take over: {error}") from None
        except Broken as error:
            logger.warning("taking over failed: %s", error)
            if attempt + 1 == _TRIES:
                raise CannotListen(f"cannot take over: {error}") from None
        await asyncio.sleep(_PAUSE)
    return None


def _go_on(taken: Taken, context: Context, inside: NewProtocol) -> None:
    """Read what arrives at the connections that have been taken over."""
    for transport, head in taken.heads:
        gate = Gate(inside, context.service.gates, head)
        transport.set_protocol(gate)
        gate.connection_made(transport)
        transport.resume_reading()
    for connection in taken.connections:
        if not context.access.still_admits(connection.session.options.grant):
            connection.close(Reason.REVOKED.close(), 0)
    watch = context.watch
    watch.handovers += 1
    watch.handover = Handover(
        time.time(), taken.release, len(taken.connections), round(taken.frozen, 4)
    )
    logger.info(
        "took over %d connections from release %s; nobody was served for %.0f ms",
        len(taken.connections),
        taken.release,
        taken.frozen * 1000,
    )
