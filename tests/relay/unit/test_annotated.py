"""What annotated members are sent of an entry: the same bytes for all, own messages cut out."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.account import Account
from relay.edge import load
from relay.room.annotated import annotate, rest, without
from relay.room.batch import Piece, join
from relay.room.log import Cursor, Entry
from relay.wire.frames import BINARY, TEXT, encode, ends
from relay.wire.notes import ack
from tests.raw import encode as mask
from tests.relay.unit.moving import Wire
from tests.relay.unit.people import Person, payload
from tests.relay.unit.phone import Phone
from tests.relay.unit.resuming import World
from tests.relay.unit.runtime import connect, receive

Said = tuple[int, list[tuple[int, bytes]]]  # by whom; opcode and payload of each message

PEOPLE = [Person(f"p{number}") for number in range(3)]
SAID = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(
            st.tuples(
                st.sampled_from((TEXT, BINARY)),
                st.sampled_from((b"", b"word", b"\0", b'\0{"type":"ack"}', b"\0" + b"x" * 200)),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
    min_size=1,
    max_size=5,
)


def _entry(said: list[Said]) -> Entry:
    pieces = []
    for who, messages in said:
        data = b"".join(encode(*message) for message in messages)
        has_marked = any(opcode == TEXT and data[:1] == b"\0" for opcode, data in messages)
        pieces.append(Piece(PEOPLE[who].author, 1, data, len(messages), has_marked))
    return Entry(7, 1234, join(pieces, "relay", 1, Account()))


def _read(data: bytes) -> tuple[list[tuple[str, int, bytes]], list[str]]:
    """Return (user, opcode, payload) of each data frame, and the types of the other notes."""
    found, kinds, user, is_announced, start = [], [], "", False, 0
    for end in ends(data):
        opcode, body = data[start] & 15, payload(data[start:end])
        start = end
        if opcode == TEXT and body[:1] == b"\0" and not is_announced:
            note = json.loads(body[1:])
            if note["type"] == "from":
                assert note["at"] == 1234
                user = note["user"]
            elif note["type"] == "data":
                is_announced = True
            else:
                kinds.append(note["type"])
        else:
            is_announced = False
            found.append((user, opcode, body))
    return found, kinds


def _expected(said: list[Said], without: int | None = None) -> list[tuple[str, int, bytes]]:
    return [
        (f"p{who}", *message) for who, messages in said if who != without for message in messages
    ]


@given(SAID)
def test_each_data_frame_is_told_whose_it_is(said: list[Said]) -> None:
    """And none is taken for a note, whatever it holds."""
    form = annotate(_entry(said), "epoch")
    assert _read(form.data) == (_expected(said), ["cursor"])
    assert Cursor("epoch", 7).text().encode() in form.data[form.end :]


@given(SAID, st.integers(0, 2))
def test_own_messages_are_cut_out_and_acknowledged(said: list[Said], who: int) -> None:
    """Before the cursor of the same batch."""
    form = annotate(_entry(said), "epoch")
    session = PEOPLE[who].author.session
    assert _read(without(form, session, ack(3))) == (_expected(said, who), ["ack", "cursor"])


@given(SAID, st.integers(0, 2), st.integers(0, 20))
def test_rest_is_all_but_the_first_data_frames(said: list[Said], who: int, count: int) -> None:
    """Of those that are not one's own; `from` is told again."""
    entry, session = _entry(said), PEOPLE[who].author.session
    expected = _expected(said, who)[count:]
    assert _read(rest(entry, "epoch", session, count, b"")) == (expected, ["cursor"])


def test_notes_are_joined_once_for_all_annotated_members() -> None:
    """The same object, for as long as the entry is delivered; raw members get their frames."""

    async def run() -> None:
        world = World()
        written: dict[str, list[object]] = {}
        for phone in world.phones:
            world.connect(phone)
        world.tick()
        for phone in world.phones:
            _note_writes(phone, written)
        raw = Wire()
        raw.room = 10**9
        speaker = connect(world.runtime, "raw", raw, room="den", echo=1)
        world.tick()
        for each in written.values():
            each.clear()
        receive(speaker, mask(TEXT, b"hello"))
        world.tick()
        (ann,), (ben,), (cho,) = written.values()
        assert ann is ben is cho
        assert raw.taken == encode(TEXT, b"hello")
        batches = [entry.batch for entry in world.room.entries()]
        assert [batch.annotated for batch in batches] == [None]

    asyncio.run(run())


def test_what_is_put_together_for_one_client_counts_as_held_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is sent straight away is shared, and one entry of a backlog; several are joined."""
    monkeypatch.setattr(load, "_COPIES", False)  # of asyncio's transport in Python 3.11

    async def run() -> None:
        world = World()
        phone = world.phones[0]
        world.connect(phone)
        raw = Wire()
        raw.room = 10**9
        speaker = connect(world.runtime, "raw", raw, room="den")
        world.tick()
        phone.wire.give(10**6)
        phone.wire.room = 0
        for text in (b"first", b"second " * 100, b"third " * 100):
            receive(speaker, mask(TEXT, text))
            world.tick()
        assert phone.connection is not None
        session = phone.connection.session
        assert session.outbox.is_blocked
        first = len(phone.wire.held)
        assert load.private(session) < load.AT_REST + 100
        phone.wire.give(first)
        assert len(phone.wire.held) > 1300
        assert world.runtime.terms.account.copies >= len(phone.wire.held)

    asyncio.run(run())


def _note_writes(phone: Phone, written: dict[str, list[object]]) -> None:
    write, mine = phone.wire.write, written.setdefault(phone.name, [])

    def note(data: bytes | bytearray | memoryview) -> None:
        mine.append(data)
        write(data)

    phone.wire.write = note  # type: ignore[method-assign]


def test_presence_waits_its_turn_behind_messages() -> None:
    """Who comes while a room waits for its receivers is told behind what came before."""

    async def run() -> None:
        world = World()
        ann, ben, _ = world.phones
        for phone in (ann, ben):
            world.connect(phone)
        world.tick()
        ann.take(10**9)
        ben.wire.room = 0  # the only one who hears ann
        said = 0
        while not world.room.is_waiting:
            ann.say()
            ann.say()
            world.read(ann, 10**9)
            world.tick()
            said += 2
        connect(world.runtime, "late", Wire(), room="den")
        world.tick()
        ann.take(10**9)
        assert ann.here is not None
        assert "late" not in ann.here
        ben.wire.give(10**9)
        for _ in range(5):
            world.tick()
        ann.take(10**9)
        assert "late" in ann.here
        assert ann.client.acked == said

    asyncio.run(run())
