"""Client frames (RFC 6455 §5.2): final, never fragmented, masked with a fresh random key each."""

from random import Random
from struct import pack
from zlib import MAX_WBITS, Z_SYNC_FLUSH, compressobj

from aiohttp import WSMsgType
from aiohttp._websocket.helpers import websocket_mask

_FINAL, _MASKED, _COMPRESSED = 0x80, 0x80, 0x40
_TAIL = b"\x00\x00\xff\xff"  # ends each compressed message, and is left out (RFC 7692 §7.2.1)
# Masks protect proxies from chosen bytes on the wire; a generator's fast source will do.
_random = Random()  # noqa: S311


def header(opcode: WSMsgType, length: int, *, compressed: bool = False) -> bytes:
    """Everything in front of the masking key, for a payload of `length` bytes."""
    first = _FINAL | opcode | (_COMPRESSED if compressed else 0)
    if length < 126:
        return pack("!BB", first, _MASKED | length)
    if length < 1 << 16:
        return pack("!BBH", first, _MASKED | 126, length)
    return pack("!BBQ", first, _MASKED | 127, length)


def masked(head: bytes, payload: bytearray) -> bytes:
    """One frame of `head` (from `header`) and `payload`, which is masked in place."""
    key = _random.getrandbits(32).to_bytes(4, "little")
    websocket_mask(key, payload)
    return head + key + payload


def deflated(opcode: WSMsgType, payload: bytes | bytearray) -> bytes:
    """One compressed frame; nothing is remembered from one message to the next."""
    compressor = compressobj(wbits=-MAX_WBITS)
    packed = bytearray(compressor.compress(payload) + compressor.flush(Z_SYNC_FLUSH))
    del packed[-len(_TAIL) :]
    return masked(header(opcode, len(packed), compressed=True), packed)


def frame(opcode: WSMsgType, payload: bytes) -> bytes:
    return masked(header(opcode, len(payload)), bytearray(payload))


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(WSMsgType.CLOSE, pack("!H", code) + reason.encode()[:123])
