"""A relay that dies at one step of a handover: `DIE` is "send KIND", "sent KIND" or "got KIND".

A number behind it is the how manieth message of that kind; `FILES` are descriptors in one message.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from relay import __main__
from relay.edge.handover import predecessor
from relay.edge.handover.channel import Channel, Received

_send, _receive = Channel.send, Channel.receive
_seen: Counter[str] = Counter()


def _die(step: str) -> None:
    _seen[step] += 1
    wanted, _, count = os.environ["DIE"].partition("#")
    if step == wanted and _seen[step] == int(count or 1):
        os._exit(9)


def _dying_send(
    self: Channel, kind: str, head: Any = None, data: bytes = b"", files: Sequence[int] = ()
) -> None:
    _die(f"send {kind}")
    _send(self, kind, head, data, files)
    _die(f"sent {kind}")


def _dying_receive(self: Channel, *values: int) -> Received:
    message = _receive(self, *values)
    _die(f"got {message.kind}")
    return message


if __name__ == "__main__":
    Channel.send = _dying_send  # type: ignore[method-assign]
    Channel.receive = _dying_receive  # type: ignore[method-assign,assignment]
    predecessor.MOST_FILES = int(os.environ.get("FILES", "253"))  # type: ignore[attr-defined]
    sys.exit(__main__.main([]))
