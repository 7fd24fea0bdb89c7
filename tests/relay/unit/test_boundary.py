"""Where a client's last whole message ended: a reader that is fed what came since stands there."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire.boundary import BadFrame, Boundary
from relay.wire.parser import Message, Parser
from tests import raw

LIMIT = 1_000_000


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not run: a parser wants one."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@st.composite
def _frame(draw: st.DrawFn, opcode: int, fin: bool, most: int) -> bytes:
    """Return a client's frame, perhaps with a longer length than it needs."""
    payload = draw(st.binary(max_size=most))
    form = 7 if opcode & 8 else draw(st.sampled_from([7, 7, 16, 64]))
    first = bytes([(0x80 if fin else 0) | opcode])
    if form == 7 and len(payload) < 126:
        return raw.encode(opcode, payload, fin=fin)
    length = (
        b"\xff" + len(payload).to_bytes(8, "big")
        if form == 64
        else b"\xfe" + len(payload).to_bytes(2, "big")
    )
    key = int.from_bytes((raw.MASK * (len(payload) // 4 + 1))[: len(payload)], "big")
    masked = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
    return first + length + raw.MASK + masked


@st.composite
def _stream(draw: st.DrawFn) -> bytes:
    """Return messages, whole or in fragments, with pings and pongs between them."""
    stream = b""
    for _ in range(draw(st.integers(1, 6))):
        fragments = draw(st.integers(1, 4))
        for index in range(fragments):
            while draw(st.integers(0, 3)) == 3:
                stream += draw(_frame(draw(st.sampled_from([9, 10])), True, 20))
            opcode = 0 if index else draw(st.sampled_from([1, 2]))
            stream += draw(_frame(opcode, index == fragments - 1, 200))
    return stream


def _least(messages: list[Message]) -> int:
    """Return what the frames of these messages take at least."""
    return sum(len(raw.encode(2, payload)) for _, payload, _ in messages)


def _feed(parser: Parser, boundary: Boundary, data: bytes) -> list[Message]:
    messages = parser.feed(data)
    boundary.feed(data, _least(messages))
    return messages


@given(stream=_stream(), data=st.data())
def test_fresh_reader_goes_on_where_the_old_one_stood(
    loop: asyncio.AbstractEventLoop, stream: bytes, data: st.DataObject
) -> None:
    """Wherever the stream is cut, and however it arrived before."""
    whole = Parser(LIMIT, loop).feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parser, boundary = Parser(LIMIT, loop), Boundary()
    messages: list[Message] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if start == end:
            continue
        messages += _feed(parser, boundary, stream[start:end])
        kept = boundary.kept()
        assert stream[:end].endswith(kept)
        assert boundary.size == len(kept)
        parser, boundary = Parser(LIMIT, loop), Boundary()
        if kept:
            _feed(parser, boundary, kept)
            assert boundary.kept() == kept
    assert messages == whole
    assert boundary.size == 0


@given(stream=_stream())
def test_every_byte_can_be_the_last_of_a_read(
    loop: asyncio.AbstractEventLoop, stream: bytes
) -> None:
    """What is kept begins where the last whole message ended, to the byte."""
    parser, boundary = Parser(LIMIT, loop), Boundary()
    for index in range(len(stream)):
        before = boundary.kept()
        messages = _feed(parser, boundary, stream[index : index + 1])
        if any(kind.value in (1, 2) for kind, _, _ in messages):
            assert boundary.size == 0
        else:
            assert boundary.kept() in (before + stream[index : index + 1], b"")


def test_large_messages_are_kept_until_they_end() -> None:
    """And only those."""
    boundary = Boundary()
    message = raw.encode(2, bytes(1_000_000))
    for start in range(0, len(message) - 1, 65536):
        boundary.feed(message[start : start + 65536][: len(message) - 1 - start], 0)
    assert boundary.size == len(message) - 1
    boundary.feed(message[-1:] + b"\x82", len(message))
    assert boundary.kept() == b"\x82"


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (b"\x82\x03abc", "frame from a client is not masked"),
        (raw.encode(2, b"fine") + b"\x81\x00", "frame from a client is not masked"),
        (b"\x02\xfe\x00", None),
        (
            raw.encode(1, b"begins", fin=False) + raw.encode(1, b"again"),
            "a message begins before the last one has ended",
        ),
    ],
)
def test_headers_that_no_client_may_send_are_refused(stream: bytes, problem: str | None) -> None:
    """Whatever their sizes add up to."""
    boundary = Boundary()
    if problem is None:
        boundary.feed(stream, 0)
        return
    with pytest.raises(BadFrame, match=problem):
        boundary.feed(stream, 0)
