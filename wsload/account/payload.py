"""What every message of a run carries in front, so that a receiver can judge it alone.

    bytes 0-7    key: run (20 bits), room (16), worker (8), member (20)
    bytes 8-11   sequence number of that sender, from 0
    bytes 12-19  intended send time, seconds since the Unix epoch (float64)

All little-endian. The intended time is the one of the schedule: a message that leaves late, because
the sender was busy or the relay did not read, still counts its latency from the moment at which it
should have left (no coordinated omission).

The clock is the wall clock: the only one that several hosts can share.
"""

import struct
from dataclasses import dataclass
from time import time

HEADER = struct.Struct("<QId")
SMALLEST = HEADER.size  # bytes

# Everyone reads the same clock, by this name.
now = time

_RUN_BITS, _ROOM_BITS, _WORKER_BITS, _MEMBER_BITS = 20, 16, 8, 20
RUNS = 1 << _RUN_BITS
ROOMS = 1 << _ROOM_BITS
WORKERS = 1 << _WORKER_BITS
MEMBERS = 1 << _MEMBER_BITS
# What remains of a key without worker and member: the room it was sent in.
ROOM_SHIFT = _WORKER_BITS + _MEMBER_BITS
RUN_SHIFT = ROOM_SHIFT + _ROOM_BITS


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a message is from, as one number in every header."""

    run: int
    room: int
    worker: int
    member: int

    def __post_init__(self) -> None:
        for value, limit, what in (
            (self.run, RUNS, "run"),
            (self.room, ROOMS, "room"),
            (self.worker, WORKERS, "worker"),
            (self.member, MEMBERS, "member"),
        ):
            if not 0 <= value < limit:
                raise ValueError(f"{what} number {value} exceeds limit of {limit - 1}")

    @property
    def key(self) -> int:
        """The address in 64 bits."""
        in_room = self.worker << _MEMBER_BITS | self.member
        return self.run << RUN_SHIFT | self.room << ROOM_SHIFT | in_room
