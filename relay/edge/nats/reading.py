"""Reading what a stream holds, by a consumer that is made for it and forgotten."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final, NamedTuple

import orjson
from nats.aio.msg import Msg

from relay.edge.nats.errors import Away
from relay.edge.nats.link import ANSWER, Link

_PAGE: Final = 500  # messages asked for at once
_IDLE: Final = 10  # seconds after which the server forgets a reader
_SECOND: Final = 10**9  # nanoseconds
ALL: Final[Mapping[str, Any]] = {"deliver_policy": "all"}


class Read(NamedTuple):
    """A message of a stream: its sequence, and what it holds."""

    sequence: int
    data: bytes


async def read(
    link: Link, stream: str, subject: str, start: Mapping[str, Any], most: float = inf
) -> Sequence[Read] | None:
    """Return the messages of a subject from a start on; None if there are more than `most`.

    Raises `Away`.
    """
    config = {
        **start,
        "filter_subject": subject,
        "ack_policy": "none",
        "replay_policy": "instant",
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": _IDLE * _SECOND,
    }
    body = {"stream_name": stream, "config": config}
    made = await link.api(f"CONSUMER.CREATE.{stream}", body)
    if "error" in made:
        raise Away(f"JetStream does not answer: {made['error'].get('description', '')}")
    consumer, pending = made["name"], made["num_pending"]
    try:
        if pending > most:
            return None
        return await _pull(link, f"{stream}.{consumer}", pending) if pending else ()
    finally:
        with suppress(Away):
            await link.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}", b"")


async def _pull(link: Link, consumer: str, count: int) -> Sequence[Read]:
    found: list[Read] = []
    arrived = asyncio.Event()

    async def take(message: Msg) -> None:
        if message.reply:  # else it is a status
            found.append(Read(message.metadata.sequence.stream, message.data))
            arrived.set()

    inbox = link.client.new_inbox()
    subscription = await link.subscribe(inbox, take)
    try:
        while len(found) < count:
            end = min(len(found) + _PAGE, count)
            ask = {"batch": end - len(found), "expires": int(ANSWER * _SECOND)}
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer}"
            await link.publish(subject, orjson.dumps(ask), inbox)
            while len(found) < end:
                arrived.clear()
                try:
                    await asyncio.wait_for(arrived.wait(), ANSWER)
                except TimeoutError:
                    raise Away("JetStream does not hand out what it holds") from None
    finally:
        with suppress(Exception):
            await subscription.unsubscribe()
    return found
