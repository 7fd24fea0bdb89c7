"""How a relay comes to serve: it takes over, replaces one that cannot hand over, or begins anew."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay.edge.handover import rendezvous
from relay.edge.handover.channel import Channel, HandoverFailed, Silent
from relay.edge.handover.service import Service
from relay.edge.handover.successor import Incompatible, Listeners, Successor, Taken
from relay.edge.sockets import Inherited

logger = logging.getLogger("relay")

_TRIES: Final = 5  # to take over from a relay that could not hand over in time
_PAUSE: Final = 0.5  # seconds between them
_TELL: Final = 2.0  # seconds to tell the other to drain


@dataclass(slots=True)
class Arrival:
    """What there was before: a service that has been `taken` over, or a relay to be replaced.

    `obstacle` is why that one could not hand over; empty if there is none to replace.
    """

    taken: Taken | None = None
    obstacle: str = ""
    channel: Channel | None = None  # to the one to be replaced, if it takes calls

    def end(self) -> None:
        """This relay serves in the other's place: have it drain, if it hears."""
        if self.channel is not None:
            self.channel.stop_hearing()
            self.channel.wait(_TELL)
            try:
                self.channel.send("DRAN")
            except HandoverFailed as error:
                logger.warning("cannot tell the relay before this one to drain: %s", error)
            self.channel.close()


async def arrive(
    path: Path, service: Service, listen: Callable[[list[Inherited]], Listeners]
) -> Arrival:
    """Find the relay that serves at this path, if any, and take over from it.

    `listen` is `Successor`'s. Raise `HandoverRefused` or `HandoverFailed` where it goes on serving.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            sock = rendezvous.find(path)
        except Silent as error:
            return Arrival(obstacle=str(error))
        if sock is None:
            return Arrival()
        channel = Channel(sock)
        try:
            taken = await Successor(channel, service, listen).run()
        except (Incompatible, Silent) as error:
            logger.warning("cannot take over, and serve in its place: %s", error)
            return Arrival(None, str(error), channel)
        except HandoverFailed as error:
            channel.close()
            logger.warning("taking over failed: %s", error)
            if attempt == _TRIES:
                raise
            await asyncio.sleep(_PAUSE)
        except BaseException:
            channel.close()
            raise
        else:
            channel.close()
            return Arrival(taken)
    raise AssertionError
