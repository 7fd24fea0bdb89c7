"""One relay from its start to its end: take over or begin, serve, hand over or drain."""

import asyncio
import gc
import logging
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Final

from aiohttp import web

from relay import __version__, process_memory
from relay.access.openness import what_is_open
from relay.edge.counters import Handover
from relay.edge.gate import Gate, NewProtocol
from relay.edge.handover import rendezvous
from relay.edge.handover.arrival import Arrival, arrive
from relay.edge.handover.channel import HandoverFailed
from relay.edge.handover.server import HandoverServer
from relay.edge.handover.successor import HandoverRefused, Taken
from relay.edge.listener import Listener
from relay.edge.nats.errors import Unusable
from relay.edge.open_files import raise_file_limit
from relay.edge.sockets import CannotListen, open_sockets, urls
from relay.settings import Settings
from relay.web.app import NewLog, create_app
from relay.web.context import CONTEXT, Context
from relay.web.http_protocol import HttpProtocol, quieten_aiohttp
from relay.wire.closing import Reason

logger = logging.getLogger("relay")

_QUIET: Final = 0.1  # seconds in which nobody connects any more, where another serves instead
_QUIET_TIMEOUT: Final = 3.0  # seconds after which that is not waited for any longer
_LOOK: Final = 0.02  # seconds between two looks at that


async def serve(settings: Settings, new_log: NewLog) -> int:
    """Run the relay until SIGTERM or SIGINT; return the exit code.

    0 after a drain; 1 when a second signal ended it at once.
    """
    process_memory.give_back_large_blocks()
    app = create_app(settings, raise_file_limit(), new_log)
    context = app[CONTEXT]
    quieten_aiohttp()
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    gc.collect()
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    if context.cluster is not None:
        try:
            await context.cluster.start()
        except Unusable:
            await runner.cleanup()
            raise
    # Before it takes over: a signal that ended it then would end every connection.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        listener, handover_server = await _begin(settings, context, runner)
    except (HandoverRefused, HandoverFailed, rendezvous.NotOurs) as error:
        await runner.cleanup()
        raise CannotListen(f"cannot take over: {error}") from None
    except CannotListen:
        await runner.cleanup()
        raise
    logger.info(
        "relay %s listens on %s, at most %d connections",
        __version__,
        urls(listener.sockets),
        context.max_connections,
    )
    for sentence in what_is_open(settings):
        logger.warning("open to everybody: %s", sentence)
    # What is there now stays; later garbage collections need not look at it.
    gc.freeze()
    await stop.wait()
    if handover_server is not None:
        handover_server.close()
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
    if context.cluster is not None:
        await context.cluster.stop()
    await runner.cleanup()
    return 0 if is_drained else 1


async def _begin(
    settings: Settings, context: Context, runner: web.AppRunner
) -> tuple[Listener, HandoverServer | None]:
    """Take over from the relay that serves, replace it, or begin anew; then serve."""
    server, loop = runner.server, asyncio.get_running_loop()
    assert server is not None

    def inside() -> HttpProtocol:
        return HttpProtocol(server, context, loop)

    path = settings.handover_socket
    if path is None:
        return await _listen(settings, context, inside, Arrival()), None
    with rendezvous.claim(path):
        arrival = await arrive(path, context.service, partial(open_sockets, settings))
        listener = await _listen(settings, context, inside, arrival)
        ends: set[asyncio.Task[None]] = set()

        def on_end(left: int | None) -> None:
            if left is not None:
                context.drain.hand_over()
                if context.cluster is not None:
                    ends.add(asyncio.create_task(context.cluster.stop(leaves=False)))
                for protocol in server.connections:
                    if protocol not in context.service.busy:  # others end with their answer
                        protocol.force_close()
            end = _step_aside(settings, context, listener, left)
            ends.add(asyncio.create_task(end))

        try:
            handover_server = HandoverServer(path, context.service, listener, on_end)
        except rendezvous.NotOurs as error:
            if arrival.taken is None:
                raise
            logger.error("nobody can take over from this relay: %s", error)
            return listener, None
        arrival.end()
    return listener, handover_server


async def _listen(
    settings: Settings, context: Context, inside: NewProtocol, arrival: Arrival
) -> Listener:
    """Serve: those who have been taken over, and those who come from now on."""
    taken = arrival.taken
    sockets = taken.listeners if taken else await open_sockets(settings, (), arrival.obstacle)
    listener = Listener(sockets, lambda: Gate(inside, context.service.non_members))
    listener.start()
    if taken is not None:
        _go_on(taken, context, inside)
    return listener


def _go_on(taken: Taken, context: Context, inside: NewProtocol) -> None:
    """Read the requests of those who have come to the relay before, and note what has happened."""
    for transport, received in taken.gates:
        gate = Gate(inside, context.service.non_members, received)
        transport.set_protocol(gate)
        gate.connection_made(transport)
        transport.resume_reading()
    for session in [client.session for client in context.roster.clients]:
        # Whose fresh token is being checked stays or goes by that one.
        if not (session.fresh_token or context.access.still_admits(session.options.grant)):
            session.close(Reason.REVOKED.close(), 0)
    if context.cluster is not None:
        context.cluster.take_over()
    counters = context.counters
    counters.handovers += 1
    counters.handover = Handover(time.time(), taken.release, taken.members, round(taken.frozen, 4))
    logger.info(
        "took over %d connections from release %s; nobody was served for %.0f ms",
        taken.members,
        taken.release,
        taken.frozen * 1000,
    )


async def _step_aside(
    settings: Settings, context: Context, listener: Listener, left: int | None
) -> None:
    """Another relay serves: have those leave who are still here, and wait to be stopped.

    `left` of them could not move; None: nobody has moved.
    """
    if left is None:
        # Who found this relay before the other took its place still becomes a member.
        quiet = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_TIMEOUT):
                while quiet < _QUIET:
                    is_busy = listener.is_waited_for or context.service.gates
                    quiet = 0.0 if is_busy else quiet + _LOOK
                    await asyncio.sleep(_LOOK)
    else:
        for client in tuple(context.roster.clients):
            client.session.inbox.await_close()  # its room is another relay's now
    if left != 0:
        # Who could not move is alone in its room: it is told at once.
        window = settings.drain_window if left is None else 0.0
        await context.drain.run(listener.close, window, settings.drain_timeout)
