"""The frame parser: what breaks the protocol gets the relay's own sentence."""

import asyncio

import pytest

from relay.wire.parser import Parser
from tests.raw import encode

MASKED = b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        (b"\xc1\x80" + MASKED, "frame has reserved bits set, and no extension was agreed on"),
        (b"\x09\x80" + MASKED, "control frame is fragmented"),
        (b"\x89\xfe\x00\x7e" + MASKED, "control frame of more than 125 bytes"),
        (encode(0, b"x"), "continuation frame without a message to continue"),
        (encode(1, b"a", fin=False) + encode(1, b"b"), "message begins before the one before it"),
        (encode(8, b"\x03\xed"), "close frame has a code that must not be sent"),
        (encode(8, b"\x03"), "close frame of one byte"),
        (encode(3, b"x"), "frame has an opcode that is not defined"),
    ],
)
async def test_broken_frame_is_told_in_our_own_words(frames: bytes, problem: str) -> None:
    """RFC 6455 §5: 1002, and nothing of what aiohttp says, which changes and quotes input."""
    parser = Parser(1000, asyncio.get_running_loop())
    parser.feed(frames)
    close = parser.error
    assert close is not None
    assert close.code == 1002
    assert close.text.startswith(problem)


async def test_too_big_message_is_told_with_its_limit() -> None:
    """The size where the frame tells it."""
    parser = Parser(10, asyncio.get_running_loop())
    parser.feed(encode(2, bytes(50)))
    assert parser.error is not None
    assert parser.error.text == "message of 50 bytes exceeds limit of 10"
