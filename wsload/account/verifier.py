"""Whether a message is what somebody of this run sent, before anybody believes a word of it."""

from array import array
from enum import Enum

from wsload.account.payload import (
    CHECKSUM_AT,
    HEADER,
    LARGEST,
    LATE,
    RUN_SHIFT,
    SMALLEST,
    checksum,
    worker_of,
)

Sound = tuple[bytes, int, int, int, float, bool]
"""A payload that somebody sent, its key, sequence number, the number after that, intended time, and
whether it left late."""

CHECKSUM = slice(CHECKSUM_AT, CHECKSUM_AT + 4)
_CACHE = 1024 * 1024  # bytes of payloads that are known to be sound, if they are small
_CACHED = 16  # payloads at least
_SLACK = 60.0  # seconds that another host's clock may be away from ours


class Fault(Enum):
    """What is wrong with one message."""

    CORRUPTED = "corrupted"
    TRUNCATED = "truncated"
    UNEXPECTED = "unexpected"
    FOREIGN = "foreign"  # not of this run: nobody's fault


class Verifier:
    """Verifies the payloads that one process receives.

    A payload comes to many receivers: it is verified once, and then known by comparing bytes, which
    is ten times as fast as a checksum.
    """

    def __init__(self, run: int, worker: int, *, shared: bool = False, begun: float = 0.0) -> None:
        """`run` and `worker`: numbers of this run and process; `shared`: others may be in its
        rooms, so what does not look like a message of this run is theirs; `begun`: nothing was
        meant to leave before (seconds since the epoch)."""
        self._run = run
        self._worker = worker
        self._shared = shared
        self._begun = begun
        self.known: dict[bytes, Sound] = {}
        """By the bytes of their checksums: payloads that have been verified."""
        self._left = _CACHE
        self._senders: dict[int, array[float]] = {}

    def expect(self, key: int, sent: "array[float]") -> None:
        """A sender of this process; `sent` is its log of intended times, which grows."""
        self._senders[key] = sent

    def verify(self, payload: bytes, moment: float) -> Fault | None:
        """What is wrong with `payload`, which arrived at `moment` (seconds since the epoch)."""
        size = len(payload)
        if size < SMALLEST:
            return Fault.FOREIGN if self._shared else Fault.TRUNCATED
        key, sequence, intended, flags, stated = HEADER.unpack_from(payload)
        length = flags & LARGEST
        if length != size or checksum(payload) != stated:
            return self._broken(payload, key, length, stated)
        if key >> RUN_SHIFT != self._run:
            return Fault.FOREIGN
        if not self._was_sent(key, sequence, intended, moment):
            return Fault.UNEXPECTED
        self._left -= size
        if self._left < 0:
            self.known.clear()
            self._left = max(_CACHE, _CACHED * size)
        late = flags >= LATE
        self.known[payload[CHECKSUM]] = payload, key, sequence, sequence + 1, intended, late
        return None

    def _broken(self, payload: bytes, key: int, length: int, stated: int) -> Fault:
        size = len(payload)
        if self._shared and key >> RUN_SHIFT != self._run and length != size:
            return Fault.FOREIGN  # one broken field would have left the other
        if length <= size or checksum(payload, size) == stated:
            return Fault.CORRUPTED  # in the second case it is the length that was changed
        return Fault.TRUNCATED

    def _was_sent(self, key: int, sequence: int, intended: float, moment: float) -> bool:
        if worker_of(key) != self._worker:
            # Another process knows; the audit compares with its log. However late it comes, it was
            # meant to leave in this run.
            return self._begun - _SLACK <= intended <= moment + _SLACK
        sent = self._senders.get(key)
        return sent is not None and sequence < len(sent) and sent[sequence] == intended
