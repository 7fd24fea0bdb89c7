"""What a faulty server does to single deliveries: each fault gets a message, and returns what is
sent in its place, in order; none: nothing.
"""

from collections.abc import Callable
from struct import pack_into, unpack_from
from zlib import crc32

Message = bytes | str
Fault = Callable[[bytes], list[Message]]

_HEADER = 28  # bytes: key 0-7, number 8-11, time 12-19, length 20-23, checksum 24-27


def _flip(byte: int, bit: int = 0) -> Fault:
    """One bit of the message is turned."""

    def fault(data: bytes) -> list[Message]:
        changed = bytearray(data)
        changed[byte] ^= 1 << bit
        return [bytes(changed)]

    return fault


def _cut(size: int) -> Fault:
    """Only the first `size` bytes arrive."""
    return lambda data: [data[:size]]


def _forge(**fields: int | float) -> Fault:
    """The message, and one that nobody sent, with a checksum that is right."""

    def fault(data: bytes) -> list[Message]:
        forged = bytearray(data)
        if "member" in fields:
            forged[0:2] = int(fields["member"]).to_bytes(2, "little")
        if "number" in fields:
            pack_into("<I", forged, 8, int(fields["number"]))
        if "time" in fields:
            pack_into("<d", forged, 12, fields["time"])
        if "run" in fields:
            forged[7] ^= 1
        pack_into("<I", forged, 24, crc32(forged[:24], crc32(forged[_HEADER:])))
        return [data, bytes(forged)]

    return fault


def key_of(data: bytes) -> int:
    """Who sent a message."""
    key: int = unpack_from("<Q", data)[0]
    return key


FAULTS: dict[str, Fault] = {
    "lose": lambda _: [],
    "repeat": lambda data: [data, data],
    "flip-member": _flip(0),
    "flip-room": _flip(4),
    "flip-run": _flip(7, 3),
    "flip-number": _flip(11, 6),
    "flip-time": _flip(18, 4),
    "flip-length": _flip(21, 2),
    "flip-checksum": _flip(24),
    "flip-body": _flip(40),
    "flip-last": _flip(-1, 7),
    "cut-header": _cut(24),
    "cut-body": _cut(50),
    "cut-last": lambda data: [data[:-1]],
    "empty": _cut(0),
    "lengthen": lambda data: [data + b"!"],
    "join": lambda data: [data + data],
    "zero": lambda data: [bytes(len(data))],
    "as-text": lambda data: [data.hex()],
    "add-text": lambda data: [data, "hello"],
    "add-noise": lambda data: [data, b"\x00" * 64],
    "forge-number": _forge(number=40_000_000),
    "forge-member": _forge(member=999),
    "forge-time": _forge(time=4e9),
    "forge-run": _forge(run=1),
}
