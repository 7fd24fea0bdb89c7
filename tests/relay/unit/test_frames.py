"""Frames, as another implementation reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from relay.wire import frames
from relay.wire.closing import Reason


def _read(data: bytes) -> list[Frame]:
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while not _finished(reader):
        parsing = Frame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as done:
            next(parsing)
        found.append(done.value.value)
    return found


def _finished(reader: StreamReader) -> bool:
    with pytest.raises(StopIteration) as done:
        next(reader.at_eof())
    return bool(done.value.value)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 1_000_000])
@pytest.mark.parametrize("opcode", [frames.TEXT, frames.BINARY])
def test_frame_of_any_size_is_read_back(opcode: int, size: int) -> None:
    """At each border of the length field (RFC 6455 §5.2)."""
    (frame,) = _read(frames.encode(opcode, b"x" * size))
    assert (frame.opcode, frame.data, frame.fin) == (Opcode(opcode), b"x" * size, True)


@given(st.lists(st.binary(max_size=70_000), max_size=5), st.integers(0, 5))
def test_ends_and_skip_find_the_borders(payloads: list[bytes], count: int) -> None:
    """Leaving out frames at the front leaves whole frames."""
    encoded = [frames.encode(frames.BINARY, payload) for payload in payloads]
    data = b"".join(encoded)
    assert [len(frame) for frame in encoded] == [
        end - start for start, end in zip([0, *frames.ends(data)], frames.ends(data), strict=False)
    ]
    count = min(count, len(payloads))
    assert frames.skip(data, count) == b"".join(encoded[count:])


@given(st.binary())
def test_utf8_is_what_python_decodes(payload: bytes) -> None:
    """No more and no less."""
    try:
        payload.decode()
        expected = True
    except UnicodeDecodeError:
        expected = False
    assert frames.is_utf8(payload) is expected


@given(st.text(), st.integers(), st.integers())
def test_close_frame_always_fits(user: str, size: int, limit: int) -> None:
    """125 bytes at most, and its text is UTF-8, however long the facts are."""
    facts = {"user": user.encode(errors="replace").decode() * 50, "size": size, "limit": limit}
    facts |= {"backlog": size, "held": size, "seconds": 5.0, "problem": "p" * 300}
    facts |= {"skip": size, "messages": 1}
    for reason in Reason:
        (frame,) = _read(frames.encode_close(reason.close(**facts)))
        assert frame.opcode is Opcode.CLOSE
        assert int.from_bytes(frame.data[:2], "big") == reason.code
        assert len(frame.data) <= 125
        bytes(frame.data[2:]).decode()
