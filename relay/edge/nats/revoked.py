"""Revocations, shared by all relays: a stream of its own keeps them for as long as they matter."""

import logging
from collections.abc import Callable
from typing import Any, Final

import orjson
from nats.aio.msg import Msg

from relay.access.revocations import MAX_REVOCATIONS, Revocation, Revocations, TooMany
from relay.edge.nats import subjects
from relay.edge.nats.errors import Away, Unusable
from relay.edge.nats.link import Link
from relay.edge.nats.reading import ALL, read
from relay.names import UserName
from relay.settings import Settings

logger = logging.getLogger("relay")

_STREAM: Final = "RELAY_REVOKED"
_EVERYBODY: Final = "all"  # instead of a user's name; those are encoded behind `user.`


class Revoked:
    """Tells others what is revoked here, and takes what is revoked there.

    `on_revoked` closes those who are connected with such a token.
    """

    def __init__(self, link: Link, revocations: Revocations) -> None:
        self.on_revoked: Callable[[Revocation], object]
        self._link = link
        self._revocations = revocations
        self._settings: Settings | None = None

    async def check(self, settings: Settings) -> None:
        """Make the stream if it is not there, and read all that it holds."""
        self._settings = settings
        await self.listen()

    async def listen(self) -> None:
        """Hear what others revoke, by a new connection, and read what was revoked before."""
        if self._settings is None:
            return
        await self._link.subscribe(f"{subjects.REVOKED}.>", self._hear)
        made = await self._link.api(f"STREAM.CREATE.{_STREAM}", self._config(self._settings))
        if "error" in made:
            raise Unusable(f"its stream {_STREAM}: {made['error'].get('description', '')}")
        for message in await read(self._link, _STREAM, f"{subjects.REVOKED}.>", ALL) or ():
            self._take(message.data)

    async def tell(self, revocation: Revocation) -> None:
        """Have all relays know it; raise `Away` if that is not certain."""
        if revocation.token_id is not None:
            key = f"token.{subjects.encode(revocation.token_id)}"
        elif revocation.user is not None:
            key = f"user.{subjects.encode(revocation.user)}"
        else:
            key = _EVERYBODY
        data = orjson.dumps(_as_values(revocation))
        answer = await self._link.request(f"{subjects.REVOKED}.{key}", data)
        if "error" in (taken := orjson.loads(answer.data)):
            raise Away(f"NATS did not take it: {taken['error'].get('description', '')}")

    async def _hear(self, message: Msg) -> None:
        self._take(message.data)

    def _take(self, data: bytes) -> None:
        try:
            value = orjson.loads(data)
            user = None if value["user"] is None else UserName(value["user"])
            found = Revocation(float(value["until"]), value["jti"], user, float(value["before"]))
            self._revocations.add(found)
        except (ValueError, LookupError, TypeError):
            logger.warning("ignored a revocation that is none")
        except TooMany as problem:
            logger.warning("a revocation cannot be remembered: %s", problem)
        else:
            self.on_revoked(found)

    def _config(self, settings: Settings) -> dict[str, Any]:
        return {
            "name": _STREAM,
            "subjects": [f"{subjects.REVOKED}.>"],
            "retention": "limits",
            "discard": "old",
            "storage": settings.nats_storage,
            "num_replicas": settings.nats_replicas,
            "max_msgs_per_subject": 1,
            "max_msgs": MAX_REVOCATIONS,
            "max_bytes": -1,
            "max_age": 0,
        }


def _as_values(revocation: Revocation) -> dict[str, Any]:
    return {
        "until": revocation.until,
        "jti": revocation.token_id,
        "user": revocation.user,
        "before": revocation.before,
    }
