"""RFC 6455, case by case: what a server has to do, with the section that says so."""

from dataclasses import dataclass

import pytest

from tests.process import Relay
from tests.raw import MASK, Frame, RawClient, encode, handshake

_NOT_MASKED = bytes((0x81, 2)) + b"hi"
_RESERVED = bytes((0xC1, 0x82)) + MASK + b"hi"
_LONGER_HEADER = bytes((0x81, 0xFE, 0, 2)) + MASK + bytes((ord("h") ^ 1, ord("i") ^ 2))
_TOO_LONG = bytes((0x82, 0xFF)) + (1 << 63).to_bytes(8, "big") + MASK


def _close(code: int, text: bytes = b"") -> bytes:
    return encode(8, code.to_bytes(2, "big") + text)


@dataclass(frozen=True)
class Case:
    """What a client sends, and what comes of it: a close code, and what is relayed before."""

    section: str
    sent: bytes
    code: int
    relayed: tuple[tuple[int, bytes], ...] = ()


_CASES = [
    Case("5.1 frames from clients are masked", _NOT_MASKED, 1002),
    Case("5.2 reserved bits are not set", _RESERVED, 1002),
    *(
        Case(f"5.2 opcode {opcode} is reserved", encode(opcode, b""), 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ),
    Case(
        "5.2 a header longer than it need be is read",
        _LONGER_HEADER + _close(1000),
        1000,
        ((1, b"hi"),),
    ),
    Case("5.2 the highest bit of a length is not set: too big", _TOO_LONG, 1009),
    *(
        Case(
            f"5.2 payload of {size}",
            encode(2, bytes(size)) + _close(1000),
            1000,
            ((2, bytes(size)),),
        )
        for size in (0, 1, 125, 126, 127, 65535, 65536)
    ),
    Case(
        "5.4 fragments are one message",
        encode(1, b"a", fin=False) + encode(0, b"b", fin=False) + encode(0, b"c") + _close(1000),
        1000,
        ((1, b"abc"),),
    ),
    Case(
        "5.4 control frames come between fragments",
        encode(1, b"a", fin=False) + encode(9, b"?") + encode(0, b"b") + _close(1000),
        1000,
        ((1, b"ab"),),
    ),
    Case("5.4 nothing to continue", encode(0, b"x"), 1002),
    Case("5.4 nothing to continue, yet", encode(0, b"x", fin=False), 1002),
    Case(
        "5.4 a message in the middle of another",
        encode(1, b"a", fin=False) + encode(1, b"b"),
        1002,
    ),
    Case(
        "5.4 a message in the middle of an empty one",
        encode(1, b"", fin=False) + encode(1, b"b", fin=False),
        1002,
    ),
    *(
        Case(f"5.5 control frame {opcode} of 126 bytes", encode(opcode, bytes(126)), 1002)
        for opcode in (8, 9, 10)
    ),
    *(
        Case(f"5.5 control frame {opcode} in fragments", encode(opcode, b"", fin=False), 1002)
        for opcode in (8, 9, 10)
    ),
    Case("5.5.1 a close without a code", encode(8, b""), 1000),
    Case("5.5.1 a close of one byte", encode(8, b"x"), 1002),
    Case("5.5.1 a reason that is not UTF-8", _close(1000, b"\xff"), 1007),
    Case("5.5.1 nothing counts behind a close", _close(1000) + encode(1, b"late"), 1000),
    *(
        Case(f"7.4 code {code} comes back", _close(code, b"bye"), code)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    ),
    *(
        Case(f"7.4 code {code} must not be sent", _close(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    *(
        Case(f"8.1 text that is not UTF-8: {text!r}", encode(1, text), 1007)
        for text in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"a\x80")
    ),
    Case(
        "8.1 a character in two fragments",
        encode(1, b"\xc3", fin=False) + encode(0, b"\xa9") + _close(1000),
        1000,
        ((1, b"\xc3\xa9"),),
    ),
    Case(
        "8.1 fragments that are no text together",
        encode(1, b"\xc3", fin=False) + encode(0, b"x"),
        1007,
    ),
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.section)
@pytest.mark.parametrize("step", [0, 1], ids=["whole", "byte by byte"])
async def test_frames(relay: Relay, room: str, case: Case, step: int) -> None:
    """What is whole before the mistake is relayed, and nothing after it."""
    if step and len(case.sent) > 400:
        pytest.skip("large frames are cut elsewhere")
    with (
        await RawClient.connect(relay.port, f"/ws/listener?room={room}") as listener,
        await RawClient.connect(relay.port, f"/ws/talker?room={room}") as talker,
    ):
        for start in range(0, len(case.sent), step or len(case.sent)):
            await talker.send(case.sent[start : start + (step or len(case.sent))])
        _, close = await talker.read_until_close()
        assert close is not None
        assert close.close_code == case.code
        with await RawClient.connect(relay.port, f"/ws/last?room={room}") as last:
            await last.send(encode(2, b"the last"))
            heard: list[Frame] = []
            while (frame := await listener.read()) and frame.payload != b"the last":
                heard.append(frame)
        assert tuple((frame.opcode, frame.payload) for frame in heard) == case.relayed


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(125)], ids=len)
async def test_pings_are_answered(relay: Relay, room: str, payload: bytes) -> None:
    """5.5.2, 5.5.3: with the same payload; and a pong that nobody asked for is no mistake."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.send(encode(10, b"unasked") + encode(9, payload))
        assert await alice.read() == Frame(10, payload)


async def test_ten_pings_in_one_write_are_ten_pongs(relay: Relay, room: str) -> None:
    """5.5.3 allows to answer the latest alone; while there are few, all are answered."""
    with await RawClient.connect(relay.port, f"/ws/alice?room={room}") as alice:
        await alice.send(b"".join(encode(9, bytes((number,))) for number in range(10)))
        assert [await alice.read() for _ in range(10)] == [
            Frame(10, bytes((number,))) for number in range(10)
        ]


_GOOD = handshake("/ws/alice?room=hall")


@pytest.mark.parametrize(
    ("section", "request_head", "status"),
    [
        ("4.1 the method is GET", _GOOD.replace(b"GET", b"POST"), 405),
        ("4.1 HEAD is no GET", _GOOD.replace(b"GET", b"HEAD"), 426),
        ("4.2.1 Upgrade is asked for", _GOOD.replace(b"Upgrade: websocket\r\n", b""), 426),
        ("4.2.1 Upgrade names websocket", _GOOD.replace(b"websocket\r", b"h2c\r"), 426),
        ("4.2.1 in a list", _GOOD.replace(b"websocket\r", b"websocket, h2c\r"), 101),
        ("4.2.1 in any case", _GOOD.replace(b"websocket\r", b"WebSocket\r"), 101),
        ("4.2.1 Connection says Upgrade", _GOOD.replace(b"Connection: Upgrade\r\n", b""), 400),
        ("4.2.1 among others", _GOOD.replace(b": Upgrade\r", b": keep-alive, Upgrade\r"), 101),
        ("4.2.1 a key", _GOOD.replace(b"Sec-WebSocket-Key", b"X"), 400),
        ("4.2.1 a key of 16 bytes", _GOOD.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"eA=="), 400),
        ("4.4 version 13", _GOOD.replace(b"Version: 13", b"Version: 8"), 426),
        ("4.4 a version", _GOOD.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426),
    ],
)
async def test_handshakes(relay: Relay, section: str, request_head: bytes, status: int) -> None:
    """Refused with a status that says why, or let in."""
    client = await RawClient.open(relay.port)
    with client:
        await client.send(request_head)
        head = await client.answer()
        assert head.split()[1] == str(status).encode(), section
        if status == 101:
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # §4.2.2
            await client.send(_close(1000))
            await client.read_until_close()
        elif section.startswith("4.4"):
            assert b"Sec-WebSocket-Version: 13" in head
