"""Who is in a room, and what it costs to tell."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from relay.edge.connection import Connection
from relay.edge.runtime import Runtime
from relay.member.options import Options
from relay.member.session_state import begin
from relay.names import RoomName, UserName
from relay.room.batch import Change, SessionId
from relay.room.log import parse_cursor
from relay.room.presence import FEW, MOST, REMEMBERED, Person, Presence
from relay.room.resume import Resume
from relay.wire.frames import ends
from tests.relay.unit.moving import Wire
from tests.relay.unit.people import Loop, payload
from tests.relay.unit.runtime import make_runtime


def _change(name: str, *, is_join: bool, attempt: int = 1) -> Change:
    return Change(UserName(name), SessionId(f"{name}/session"), attempt, is_join)


def _notes(data: bytes) -> list[dict[str, object]]:
    found, start = [], 0
    for end in ends(data):
        found.append(json.loads(payload(data[start:end])[1:]))
        start = end
    return found


def test_many_joins_in_one_entry_are_told_one_by_one() -> None:
    """As many as a room may have whose members are told of each other."""
    presence = Presence()
    told = presence.apply([_change(f"p{n}", is_join=True) for n in range(MOST)], 0).notes
    assert [note["user"] for note in _notes(told)] == [f"p{n}" for n in range(MOST)]
    assert len(json.loads(presence.names())) == MOST


def test_large_room_tells_that_it_is_one_and_nothing_more() -> None:
    """Then who is there when it has shrunk, well below the limit."""
    presence = Presence()
    presence.apply([_change(f"p{n}", is_join=True) for n in range(MOST)], 0)
    crossing = presence.apply([_change("one too many", is_join=True)], 0).notes
    assert _notes(crossing) == [{"type": "members", "members": None, "count": MOST + 1}]
    assert presence.apply([_change("another", is_join=True)], 0).notes == b""
    assert presence.names() == b"null"
    leaves = [_change(f"p{n}", is_join=False) for n in range(MOST - FEW + 2)]
    assert presence.apply(leaves[:-1], 0).notes == b""
    (note,) = _notes(presence.apply(leaves[-1:], 0).notes)
    assert (note["type"], note["count"]) == ("members", FEW)
    assert note["members"] == list(presence.people)


def test_coming_and_going_around_the_limit_is_not_told_each_time() -> None:
    """It would cost all names for each member, at each turn."""
    presence = Presence()
    presence.apply([_change(f"p{n}", is_join=True) for n in range(MOST + 1)], 0)
    for turn in range(2, 50):
        leave, join = _change("p0", is_join=False, attempt=turn - 1), _change("p0", is_join=True)
        assert presence.apply([leave], 0).notes == b""
        assert presence.apply([join._replace(attempt=turn)], 0).notes == b""


def test_sessions_that_are_gone_are_bounded_and_age() -> None:
    """The latest of them are remembered, for as long as the log keeps anything."""
    presence = Presence()
    for number in range(REMEMBERED * 2):
        presence.apply([_change(f"p{number}", is_join=True)], number)
        presence.apply([_change(f"p{number}", is_join=False)], number)
    assert len(presence.snapshot().gone) == REMEMBERED
    presence.expire(REMEMBERED * 2 - 10)
    assert len(presence.snapshot().gone) == 10


@given(
    st.lists(
        st.tuples(st.sampled_from(("join", "depart", "overdue")), st.integers(0, 3)), max_size=40
    )
)
def test_presence_goes_on_from_its_state(script: list[tuple[str, int]]) -> None:
    """People, graces, and the latest attempts of sessions that are gone."""
    presence = Presence()
    for now, (what, who) in enumerate(script):
        if what == "join":
            presence.apply([_change(f"p{who}", is_join=True, attempt=now + 1)], now)
        elif what == "depart":
            presence.begin_grace(UserName(f"p{who}"), now + 3)
        else:
            presence.apply(presence.overdue(now), now)
    again = Presence(presence.snapshot())
    assert again.snapshot() == presence.snapshot()
    assert again.names() == presence.names()


def _connect(runtime: Runtime, name: str, resume: Resume) -> tuple[Connection, Wire]:
    wire = Wire()
    wire.room = 10**9
    options = Options(UserName(name), resume=resume)
    room = runtime.hub.room(RoomName("hall"))
    connection = Connection(wire, room, begin(options, 0), runtime)
    connection.start(b"", b"")
    return connection, wire


def test_ten_thousand_that_return_at_once_cost_neither_notes_nor_welcomes() -> None:
    """Each is told its place and how many are here: not 10^8 notes, and not 1.5 GB of names."""

    async def run() -> None:
        loop = Loop()
        runtime = make_runtime(loop.call_soon)
        names = [f"a rather long name of somebody {number}" for number in range(10_000)]
        here = [_connect(runtime, name, Resume("a-session")) for name in names]
        loop.run()
        first = sum(len(wire.taken) for _, wire in here)
        assert first < 10_000 * 400
        cursors = [_notes(wire.taken)[0]["cursor"] for _, wire in here]
        for connection, wire in here:
            wire.abort()
            connection.connection_lost(None)
        loop.run()
        back = [
            _connect(runtime, name, Resume("a-session", 2, parse_cursor(str(cursor))))
            for name, cursor in zip(names, cursors, strict=True)
        ]
        for _ in range(3):
            loop.run()
        for _, wire in back:
            (welcome,) = _notes(wire.taken)
            assert (welcome["gap"], welcome["members"], welcome["count"]) == (False, None, 10_000)

    asyncio.run(run())


def test_ten_thousand_one_after_the_other_cost_as_little() -> None:
    """The first 256 are told of each other; from then on nobody is."""

    async def run() -> None:
        loop = Loop()
        runtime = make_runtime(loop.call_soon)
        wires = []
        for number in range(3000):
            wires.append(_connect(runtime, f"member {number}", Resume("a-session"))[1])
            loop.run()
        written = sum(len(wire.taken) for wire in wires)
        assert written < MOST * MOST * 100 + 3000 * 400

    asyncio.run(run())


class _Counted(dict[UserName, Person]):
    asked = 0

    def __getitem__(self, user: UserName) -> Person:
        self.asked += 1
        return super().__getitem__(user)


def test_many_who_leave_at_once_do_not_look_at_each_other() -> None:
    """Each leave asks whether somebody may come back: 10,000 took seconds of the loop for that."""
    presence = Presence()
    presence.people = people = _Counted()
    names = [f"p{number}" for number in range(1000)]
    presence.apply([_change(name, is_join=True, attempt=0) for name in names], 0)
    for name in names:
        presence.begin_grace(UserName(name), 5)
        assert not presence.is_awaiting
    assert people.asked < 10 * len(names)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(("join", "raw", "go", "end")))))
def test_who_may_come_back_is_known(steps: list[tuple[str, str]]) -> None:
    """As a look at all who are leaving would tell, also in a successor."""
    presence = Presence()
    for attempt, (name, step) in enumerate(steps, 1):
        if step == "go":
            presence.begin_grace(UserName(name), attempt + 3)
        elif step == "end":
            presence.apply(presence.overdue(attempt), attempt)
        else:
            number = attempt if step == "join" else 0
            presence.apply([_change(name, is_join=True, attempt=number)], attempt)
        awaited = any(presence.people[user].attempt for user in presence.leaving)
        assert presence.is_awaiting is Presence(presence.snapshot()).is_awaiting is awaited
