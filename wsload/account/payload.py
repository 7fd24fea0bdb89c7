"""What every message of a run carries in front, so that a receiver can judge it alone.

    bytes 0-7    key: run (20 bits), room (16), worker (8), member (20)
    bytes 8-11   sequence number of that sender, from 0
    bytes 12-19  intended send time, seconds since the Unix epoch (float64)
    bytes 20-22  length of the whole payload
    byte 23      1: the generator sent it late
    bytes 24-27  CRC-32 of the body (all that follows), then of bytes 0-23

All little-endian. The intended time is the one of the schedule: a message that leaves late, because
the sender was busy or the server did not read, still counts its latency from the moment at which it
should have left (no coordinated omission).
"""

import struct
from dataclasses import dataclass
from zlib import crc32

HEADER = struct.Struct("<QIdII")
SMALLEST = HEADER.size  # bytes
LATE = 1 << 24  # in the word of the length
LARGEST = LATE - 1  # bytes
_LENGTH_AT, CHECKSUM_AT = 20, 24
_CHANGING = struct.Struct("<IdI")  # sequence number, time, length and flag, behind the key
_CHECKSUM = struct.Struct("<I")
_KEY_SIZE = 8

_RUN_BITS, _ROOM_BITS, _WORKER_BITS, _MEMBER_BITS = 20, 16, 8, 20
RUNS = 1 << _RUN_BITS
ROOMS = 1 << _ROOM_BITS
WORKERS = 1 << _WORKER_BITS
MEMBERS = 1 << _MEMBER_BITS
# What remains of a key without worker and member: the room it was sent in.
ROOM_SHIFT = _WORKER_BITS + _MEMBER_BITS
RUN_SHIFT = ROOM_SHIFT + _ROOM_BITS


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message is from, as one number in every header."""

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
        """All four in 64 bits."""
        in_room = self.worker << _MEMBER_BITS | self.member
        return self.run << RUN_SHIFT | self.room << ROOM_SHIFT | in_room


def room_of(key: int) -> int:
    """The number of the room that `key` was sent in."""
    return key >> ROOM_SHIFT & ROOMS - 1


def worker_of(key: int) -> int:
    """The number of the process that `key` was sent by."""
    return key >> _MEMBER_BITS & WORKERS - 1


class Writer:
    """Writes the payloads of one sender; their bodies are all the same."""

    __slots__ = ("_body", "_body_checksum", "size")

    def __init__(self, key: int, size: int) -> None:
        """`size`: bytes of every payload; `SMALLEST` where that is more. Raises `ValueError` above
        `LARGEST`."""
        if size > LARGEST:
            raise ValueError(f"payload of {size} bytes exceeds limit of {LARGEST}")
        size = max(size, SMALLEST)
        self._body = bytearray(HEADER.pack(key, 0, 0.0, size, 0).ljust(size, b"."))
        self._body_checksum = crc32(self._body[SMALLEST:])
        self.size = size
        """Bytes of every payload."""

    def payload(self, sequence: int, intended: float, *, late: bool = False) -> bytearray:
        """A new payload; `late`: it leaves so late that its latency says little of the server."""
        made = self._body[:]
        length = self.size | LATE if late else self.size
        _CHANGING.pack_into(made, _KEY_SIZE, sequence, intended, length)
        _CHECKSUM.pack_into(made, CHECKSUM_AT, crc32(made[:CHECKSUM_AT], self._body_checksum))
        return made


def checksum(payload: bytes, length: int | None = None) -> int:
    """What bytes 24-27 should be; as if the header named `length`, where that is given."""
    head = payload[:CHECKSUM_AT]
    if length is not None:
        head = head[:_LENGTH_AT] + length.to_bytes(3, "little") + head[-1:]
    return crc32(head, crc32(payload[SMALLEST:]))
