"""What the relay writes: WebSocket frames from a server, which carry no mask (RFC 6455 §5.2).

A message becomes its frame once; the same bytes go to every member.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from relay.wire.closing import Close

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_FIN: Final = 0x80
_SHORT: Final = {
    opcode: tuple(bytes((_FIN | opcode, size)) for size in range(126))
    for opcode in (TEXT, BINARY, CLOSE, PING, PONG)
}
_MEDIUM: Final = struct.Struct(">BBH").pack
_LONG: Final = struct.Struct(">BBQ").pack
_UNPACK_MEDIUM: Final = struct.Struct(">H").unpack_from
_UNPACK_LONG: Final = struct.Struct(">Q").unpack_from


def encode(opcode: int, payload: bytes) -> bytes:
    """Return the frame of one whole message."""
    size = len(payload)
    if size < 126:
        return _SHORT[opcode][size] + payload
    if size < 65536:
        return _MEDIUM(_FIN | opcode, 126, size) + payload
    return _LONG(_FIN | opcode, 127, size) + payload


def encode_close(close: Close) -> bytes:
    """Return the close frame that gives this reason."""
    return encode(CLOSE, close.code.to_bytes(2, "big") + close.text.encode())


def is_utf8(payload: bytes) -> bool:
    """Whether browsers will take this as text (RFC 6455 §8.1)."""
    if payload.isascii():  # nearly free, and most text is
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def ends(data: bytes) -> Iterator[int]:
    """Yield the offset behind each frame of `data`, which holds whole frames of ours."""
    end = 0
    while end < len(data):
        size = data[end + 1]
        if size < 126:
            end += 2 + size
        elif size == 126:
            end += 4 + int(_UNPACK_MEDIUM(data, end + 2)[0])
        else:
            end += 10 + int(_UNPACK_LONG(data, end + 2)[0])
        yield end


def payload_start(data: bytes, start: int) -> int:
    """Return where the payload of the frame of ours begins that begins at `start`."""
    size = data[start + 1]
    return start + (2 if size < 126 else 4 if size == 126 else 10)


def skip(data: bytes, count: int) -> bytes:
    """Return `data`, which holds whole frames of ours, without its first `count` frames."""
    return data[next(islice(ends(data), count - 1, None)) :] if count else data
