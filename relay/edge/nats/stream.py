"""The stream that all rooms share: what it has to be like, and what is read from it."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from relay.edge.nats import format, subjects
from relay.edge.nats.errors import Away, Unusable
from relay.edge.nats.link import Link
from relay.edge.nats.reading import Read, read
from relay.room.pending import PART
from relay.settings import Settings

_OLDEST: Final = (2, 9, 0)  # version of a server that has all that is used here
_NO_JETSTREAM: Final = 10039  # JetStream is not enabled for the account
_NO_STREAM: Final = 10059
_NO_PEERS: Final = 10005  # too few servers of a cluster have found each other
_NO_MESSAGE: Final = 10037
_SECOND: Final = 10**9  # nanoseconds
_LEAST_AGE: Final = 60.0  # seconds for which entries are kept, so that a relay can be away
_TOO_MUCH: Final = 4  # times what is wanted: then a shorter time is looked at
_PIECES: Final = 8  # times that a shorter time is tried


class EntryStream:
    """One stream of JetStream; `epoch` names its life."""

    def __init__(self, link: Link, settings: Settings) -> None:
        self.epoch = ""
        self.first = 0  # sequence of its first message, when that was last asked
        self.last = 0
        self._link = link
        self._settings = settings
        self._average = 1000.0  # bytes of a message

    @property
    def is_replicated(self) -> bool:
        """Whether several servers hold it."""
        return self._settings.nats_replicas > 1

    @property
    def age(self) -> float:
        """Seconds for which it keeps an entry."""
        return max(self._settings.history_age, 2 * self._settings.nats_timeout, _LEAST_AGE)

    async def check(self) -> None:
        """Make the stream if it is not there; raise `Unusable` where it cannot be used."""
        version = self._link.version
        if version < _OLDEST:
            shown = ".".join(map(str, version))
            raise Unusable(f"nats-server {shown} is too old: expected 2.9 or newer")
        size = self._settings.max_message_size
        room = self._link.max_payload - format.HEAD - PART
        if size > room:
            raise Unusable(
                f"MAX_MESSAGE_SIZE is {size} bytes, and max_payload of NATS "
                f"{self._link.max_payload}: an entry needs {format.HEAD + PART} bytes more "
                "than its message; lower the one, or raise the other"
            )
        await self.refresh()

    async def refresh(self) -> None:
        """Ask how it stands; make it if it is gone."""
        info = await self._link.api(f"STREAM.INFO.{subjects.STREAM}")
        error = info.get("error")
        if error and error.get("err_code") == _NO_STREAM:
            info = await self._link.api(f"STREAM.CREATE.{subjects.STREAM}", self.config())
            error = info.get("error")
        if error:
            if error.get("err_code") == _NO_JETSTREAM:
                raise Unusable("JetStream is not enabled: start nats-server with -js")
            if error.get("code") == 503 or error.get("err_code") == _NO_PEERS:
                raise Away(f"JetStream is away: {error.get('description', '')}")
            raise Unusable(f"its stream cannot be made: {error.get('description', 'unknown')}")
        self._compare(info["config"])
        state = info["state"]
        self.epoch = _epoch(info["created"])
        self.first, self.last = state["first_seq"], state["last_seq"]
        if state["messages"]:
            self._average = state["bytes"] / state["messages"]

    def config(self) -> dict[str, Any]:
        """Return what it has to be like."""
        settings = self._settings
        return {
            "name": subjects.STREAM,
            "subjects": [subjects.ROOMS],
            "retention": "limits",
            "discard": "old",
            "storage": settings.nats_storage,
            "num_replicas": settings.nats_replicas,
            "max_age": int(self.age * _SECOND),
            "max_bytes": int(settings.nats_stream_size),
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_msg_size": -1,
            "max_consumers": -1,
            "duplicate_window": _SECOND,
            # Told behind the entry before it, so that nothing is kept for who follows a room.
            "republish": {"src": subjects.ROOMS, "dest": subjects.ENTRIES},
        }

    async def last_of(self, subject: str) -> int:
        """Return the sequence of the last message of a subject; 0: it holds none."""
        found = await self._link.api(f"STREAM.MSG.GET.{subjects.STREAM}", {"last_by_subj": subject})
        error = found.get("error")
        if error is None:
            return int(found["message"]["seq"])
        if error.get("err_code") == _NO_MESSAGE:
            return 0
        raise Away(f"JetStream does not answer: {error.get('description', '')}")

    async def behind(self, subject: str, sequence: int) -> Sequence[Read]:
        """Return all messages of a subject behind this sequence."""
        start = {"deliver_policy": "by_start_sequence", "opt_start_seq": sequence + 1}
        return await read(self._link, subjects.STREAM, subject, start) or ()

    async def latest(self, subject: str, age: float, size: int) -> Sequence[Read]:
        """Return messages of a subject that are not older than `age` seconds.

        Where they would be far more than `size` bytes, of a shorter time.
        """
        most = int(_TOO_MUCH * size / self._average) + 1
        for _ in range(_PIECES):
            since = datetime.fromtimestamp(time.time() - age, UTC)
            start = {"deliver_policy": "by_start_time", "opt_start_time": since.isoformat()}
            found = await read(self._link, subjects.STREAM, subject, start, most)
            if found is not None:
                return found
            age /= _TOO_MUCH
        return ()

    def _compare(self, config: dict[str, Any]) -> None:
        """Raise `Unusable` for a stream that is not like this relay's."""
        for name, expected in self.config().items():
            if config.get(name) != expected:
                raise Unusable(
                    f"its stream {subjects.STREAM} has {name} {_shown(name, config.get(name))}, "
                    f"and this relay's settings say {_shown(name, expected)}: use the same "
                    "settings for all relays, or delete the stream"
                )


def _epoch(created: str) -> str:
    """Return a name of the stream's life: when it began, in nanoseconds."""
    whole, _, rest = created.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return f"n{seconds * _SECOND + int(rest.ljust(9, '0')[:9] or 0):x}"


def _shown(name: str, value: object) -> str:
    if name in ("max_age", "duplicate_window") and isinstance(value, int):
        return f"{value / _SECOND:g}s"
    return str(value)
