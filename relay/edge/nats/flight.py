"""A batch on its way into the stream, and what the stream answers."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
from nats.aio.msg import Msg

from relay.room.batch import Batch

EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"  # header: what an append is to follow
_WRONG_LAST: Final = frozenset({10071, 10164})  # codes of JetStream
_LAST: Final = re.compile(r"wrong last sequence: (\d+)")


@dataclass(slots=True)
class Flight:
    """A batch whose place is not known yet; times are seconds of the event loop's clock."""

    batch: Batch
    at: int  # milliseconds since 1970
    began: float
    sent: float = 0.0  # the last time


class Appended(NamedTuple):
    """The stream has taken it."""

    sequence: int


class Behind(NamedTuple):
    """Not taken: another message is the last of the subject (None: it is not told which)."""

    last: int | None


def read_told(message: Msg) -> tuple[int, int, bytes] | None:
    """Return the sequence of what the stream has taken, the one before in its subject, and it."""
    try:
        headers = message.headers or {}
        return int(headers["Nats-Sequence"]), int(headers["Nats-Last-Sequence"]), message.data
    except (KeyError, ValueError):
        return None


def read_answer(data: bytes) -> Appended | Behind | str | None:
    """Return what has become of an append; a text says what is wrong, None that nobody knows."""
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:  # nobody has the stream now
        return None
    error = answer.get("error")
    if error is None:
        return Appended(int(answer["seq"]))
    description = str(error.get("description", ""))
    if error.get("err_code") not in _WRONG_LAST:
        return description
    found = _LAST.search(description)
    return Behind(int(found[1]) if found else None)
