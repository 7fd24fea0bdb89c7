"""Nothing of a message is believed before its checksum, and what it says of itself."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsload.account.payload import HEADER, LARGEST, LATE, SMALLEST, Origin, Writer
from wsload.account.verifier import Fault, Verifier

RUN, KEY = 7, Origin(7, 0, 0, 3).key
TIMES = [100.0, 100.5, 101.0]


def _verifier(*, shared: bool = False) -> Verifier:
    verifier = Verifier(RUN, 0, shared=shared)
    verifier.expect(KEY, array("d", TIMES))
    return verifier


def _payload(sequence: int = 1, size: int = 64, key: int = KEY, **late: bool) -> bytes:
    return bytes(Writer(key, size).payload(sequence, TIMES[min(sequence, 2)], **late))


def test_a_sound_payload_is_known_from_then_on() -> None:
    verifier, payload = _verifier(), _payload()
    assert verifier.verify(payload, 101.0) is None
    assert [sound[0] for sound in verifier.known.values()] == [payload]


@pytest.mark.parametrize("size", [SMALLEST, SMALLEST + 1, 64, 1024, 70_000])
def test_payloads_of_every_size_are_sound(size: int) -> None:
    payload = _payload(size=size, late=True)
    assert len(payload) == size
    assert HEADER.unpack_from(payload)[3] == size | LATE
    assert _verifier().verify(payload, 101.0) is None


def test_a_payload_whose_length_has_no_place_in_the_header_is_refused() -> None:
    """It used to be written with a length that is a flag, and counted as corrupted."""
    with pytest.raises(ValueError, match="payload of 16777216 bytes exceeds limit of 16777215"):
        Writer(KEY, LARGEST + 1)


@settings(max_examples=60)
@given(bit=st.integers(0, 64 * 8 - 1))
def test_any_flipped_bit_is_found(bit: int) -> None:
    """In key, number, time, length, checksum or body: corrupted, whichever it is."""
    broken = bytearray(_payload())
    broken[bit // 8] ^= 1 << bit % 8
    assert _verifier().verify(bytes(broken), 101.0) is Fault.CORRUPTED


@settings(max_examples=40)
@given(size=st.integers(0, 63))
def test_any_shortening_is_found(size: int) -> None:
    assert _verifier().verify(_payload()[:size], 101.0) is Fault.TRUNCATED


def test_what_is_longer_than_it_was_is_corrupted() -> None:
    assert _verifier().verify(_payload() + b".", 101.0) is Fault.CORRUPTED


@pytest.mark.parametrize(
    "payload",
    [
        bytes(Writer(KEY, 64).payload(3, 101.5)),  # beyond what it has sent
        bytes(Writer(KEY, 64).payload(1, 100.6)),  # at a time that it did not
        bytes(Writer(Origin(RUN, 0, 0, 4).key, 64).payload(0, 100.0)),  # of nobody
        bytes(Writer(Origin(RUN, 0, 5, 4).key, 64).payload(0, 1e300)),  # elsewhere, and never
        bytes(Writer(Origin(RUN, 0, 5, 4).key, 64).payload(0, float("nan"))),
    ],
)
def test_what_nobody_sent_is_unexpected(payload: bytes) -> None:
    """However sound it is."""
    assert _verifier().verify(payload, 101.0) is Fault.UNEXPECTED


def test_members_of_other_processes_are_left_to_the_audit() -> None:
    assert _verifier().verify(_payload(key=Origin(RUN, 0, 5, 4).key), 101.0) is None


def test_what_another_process_sent_may_come_late() -> None:
    """Two minutes in a server's queue used to count as sent by nobody; before the run is another
    matter."""
    verifier = Verifier(RUN, 0, begun=1000.0)
    payloads = [
        bytes(Writer(Origin(RUN, 0, 5, 4).key, 64).payload(0, at)) for at in (1001.0, 900.0)
    ]
    assert verifier.verify(payloads[0], 1121.0) is None
    assert verifier.verify(payloads[1], 1121.0) is Fault.UNEXPECTED


def test_another_run_is_nobodys_fault() -> None:
    assert _verifier().verify(_payload(key=Origin(8, 0, 0, 3).key), 101.0) is Fault.FOREIGN


@pytest.mark.parametrize("message", [b"", b"short", b"x" * 64])
def test_others_in_a_shared_room_say_what_they_like(message: bytes) -> None:
    assert _verifier(shared=True).verify(message, 101.0) is Fault.FOREIGN
    assert _verifier().verify(message, 101.0) in (Fault.TRUNCATED, Fault.CORRUPTED)


def test_what_is_known_does_not_grow_without_end() -> None:
    verifier = Verifier(RUN, 0)
    verifier.expect(KEY, sent := array("d"))
    writer = Writer(KEY, 100_000)
    for sequence in range(200):
        sent.append(100.0)
        assert verifier.verify(bytes(writer.payload(sequence, 100.0)), 100.0) is None
    assert sum(len(sound[0]) for sound in verifier.known.values()) < 5_000_000
