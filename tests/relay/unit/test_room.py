"""A room decides without I/O: who gets what, in which order, and when senders wait."""

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from relay.account import Account
from relay.room import dispatch
from relay.room.batch import MAX_BATCH
from relay.room.congestion import COOL_DOWN, PATIENCE, SHORT_PATIENCE
from relay.room.log import LogState, OnEntry
from relay.room.member import Delivered
from relay.room.room import Room
from relay.room.shared import Shared
from relay.room.tail import Retention
from relay.room.tempo import PAUSE
from relay.wire.frames import BINARY, encode, skip
from tests.relay.unit.people import (
    LateLog,
    Loop,
    Person,
    make_batch,
    make_room,
    make_shared,
    piece,
    say,
    words_of,
)


def test_everybody_else_hears_it_at_the_end_of_the_tick() -> None:
    """Not before, and with one write for everything in the tick."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol", echo=True)
    for member in (alice, bob, carol):
        room.join(member)
    say(room, alice, b"1", b"2")
    say(room, carol, b"3")
    say(room, alice, b"4")
    assert bob.heard == []
    loop.run()
    assert bob.heard == [b"1", b"2", b"3", b"4"]
    assert len(bob.writes) == 1
    assert alice.heard == [b"3"]
    assert carol.heard == [b"1", b"2", b"3", b"4"]
    assert alice.uncredited == carol.uncredited == 0


def test_a_message_that_comes_alone_waits_for_no_company() -> None:
    """After another single one and a pause it is delivered in the same tick."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    say(room, alice, b"1")
    assert bob.heard == []  # nothing is known of what comes
    loop.run()
    loop.now += 2 * PAUSE
    say(room, alice, b"2")
    assert bob.heard == [b"1", b"2"]
    assert alice.uncredited == 0
    say(room, bob, b"3")  # no pause: this one waits
    assert alice.heard == []
    loop.run()
    assert alice.heard == [b"3"]


def test_a_burst_after_a_pause_costs_at_most_one_batch_more() -> None:
    """The first of it may go alone; the rest shares a batch, and the next burst is one."""
    loop = Loop()
    room = make_room(loop)
    people = [Person(f"p{index}") for index in range(10)]
    for person in (*people, listener := Person("listener")):
        room.join(person)
    say(room, people[0], b"alone")
    loop.run()
    for batches in (2, 1, 1):
        loop.now += 2 * PAUSE
        before = len(listener.writes)
        for person in people:
            say(room, person, b"together")
        loop.run()
        assert len(listener.writes) - before == batches


def test_nothing_overtakes_what_the_log_has_not_handed_back() -> None:
    """A message alone goes at once only when nothing is on its way."""
    loop = Loop()
    logs: list[LateLog] = []

    def open_log(on_entry: OnEntry, retention: Retention, state: LogState | None) -> LateLog:
        logs.append(LateLog(on_entry, retention, state))
        return logs[-1]

    room = make_room(loop, log=open_log)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    for word in (b"1", b"2", b"3"):
        say(room, alice, word)
        loop.now += 2 * PAUSE
    loop.run()
    for _ in range(3):
        logs[0].answer()
        loop.run()
    assert bob.heard == [b"1", b"2", b"3"]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.booleans()), max_size=30))
def test_all_members_hear_one_order_without_their_own(
    script: list[tuple[int, int, bool]],
) -> None:
    """Whatever is said in whatever ticks, each hears the same sequence minus its own."""
    loop = Loop()
    room = make_room(loop)
    people = [Person(f"p{index}", echo=index == 0) for index in range(5)]
    for person in people:
        room.join(person)
    said: list[bytes] = []
    for who, count, tick in script:
        words = [b"%d:%d" % (who, len(said) + offset) for offset in range(count)]
        said += words
        say(room, people[who], *words)
        if tick:
            loop.run()
    loop.run()
    for index, person in enumerate(people):
        own = b"%d:" % index
        assert person.heard == [w for w in said if person.echo or not w.startswith(own)]
        assert person.uncredited == 0


def test_newcomer_hears_only_what_is_published_after_it_came() -> None:
    """What was said earlier in the same tick is history."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    say(room, alice, b"before")
    room.join(bob)
    say(room, alice, b"after")
    loop.run()
    assert bob.heard == [b"after"]
    assert words_of(*room.history(10)) == [b"before", b"after"]


def test_history_and_what_is_live_meet_without_a_gap() -> None:
    """What was published in the tick in which a newcomer joins is history for it."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    say(room, alice, b"before")
    history = room.history(10)
    room.join(bob)
    say(room, alice, b"after")
    loop.run()
    assert words_of(*history) == [b"before"]
    assert bob.heard == [b"after"]


def test_who_left_hears_nothing_more_but_is_still_heard() -> None:
    """Its last words are delivered."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol")
    for member in (alice, bob, carol):
        room.join(member)
    say(room, alice, b"last words")
    room.leave(alice)
    room.leave(carol)
    loop.run()
    assert bob.heard == [b"last words"]
    assert carol.heard == []
    assert list(room.members) == ["bob"]


def test_batches_are_bounded() -> None:
    """A tick that brings more than 256 KB becomes several batches; one message may be larger."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    sizes = [100_000, 100_000, 100_000, 1_000_000, 10]
    for size in sizes:
        say(room, alice, bytes(size))
    loop.run()
    assert sum(bob.writes) == sum(len(encode(BINARY, bytes(size))) for size in sizes)
    assert [write > MAX_BATCH for write in bob.writes] == [False, False, True, False]


def test_large_fan_out_lets_other_rooms_have_their_turn() -> None:
    """Ten thousand members are served in several passes; another room is served in between."""
    loop = Loop()
    large, small = make_room(loop), make_room(loop)
    crowd = [Person(f"p{index}") for index in range(10_000)]
    for person in crowd:
        large.join(person)
    alice, bob = Person("alice"), Person("bob")
    small.join(alice)
    small.join(bob)
    say(large, crowd[0], b"to all")
    say(large, crowd[1], b"to all again")
    say(small, alice, b"to bob")
    loop.run_once()
    assert bob.heard == [b"to bob"]
    served = sum(bool(person.heard) for person in crowd)
    assert 0 < served < 5000
    loop.run()
    assert all(person.heard == [b"to all", b"to all again"] for person in crowd[2:])


def test_messages_during_a_large_fan_out_stay_in_order() -> None:
    """What is published meanwhile comes behind it, for everybody."""
    loop = Loop()
    room = make_room(loop)
    crowd = [Person(f"p{index}") for index in range(3000)]
    for person in crowd:
        room.join(person)
    for number in range(20):
        say(room, crowd[0], b"%d" % number)
        loop.run_once()
    late = Person("late")
    room.join(late)
    loop.run()
    assert all(person.heard == [b"%d" % n for n in range(20)] for person in crowd[1:])
    assert late.heard == []


def _congest(room: Room, loop: Loop, author: Person, *members: Person) -> None:
    """Let the members fall far behind, as a message to them shows."""
    for person in members:
        person.is_behind, person.outcome = True, Delivered.QUEUED
    say(room, author, b"congest")
    loop.run()
    for member in room.members.values():
        assert isinstance(member, Person)
        member.outcome = None
        member.heard.clear()


def _catch_up(room: Room, person: Person) -> None:
    person.is_behind = False
    room.caught_up(person)


def test_congested_room_holds_its_senders_and_loses_nothing() -> None:
    """While more than half of the receivers are far behind, batches wait."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol, dave = (Person(name) for name in ("alice", "bob", "carol", "dave"))
    for member in (alice, bob, carol, dave):
        room.join(member)
    _congest(room, loop, alice, bob, carol)
    say(room, alice, b"1")
    loop.run()
    assert room.is_waiting
    assert alice.is_held
    assert dave.heard == []
    say(room, alice, b"2")
    say(room, dave, b"3")
    loop.run()
    assert dave.is_held
    assert words_of(*room.history(2)) == [b"2", b"3"]  # the log has it; only delivery waits
    _catch_up(room, carol)
    assert not (room.is_waiting or alice.is_held or dave.is_held)
    loop.run()
    assert bob.heard == carol.heard == [b"1", b"2", b"3"]
    assert dave.heard == [b"1", b"2"]
    assert alice.uncredited == dave.uncredited == 0


def test_slow_minority_never_slows_a_room() -> None:
    """Half of the receivers is not more than half."""
    loop = Loop()
    room = make_room(loop)
    people = [Person(f"p{index}") for index in range(5)]
    for person in people:
        room.join(person)
    _congest(room, loop, people[0], *people[1:3])
    say(room, people[0], b"go on")
    loop.run()
    assert people[4].heard == [b"go on"]


def test_sender_does_not_count_as_its_own_receiver() -> None:
    """With two members, the only receiver decides."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    _congest(room, loop, alice, bob)
    say(room, alice, b"wait for bob")
    loop.run()
    assert room.is_waiting
    room.leave(bob)
    loop.run()
    assert not room.is_waiting
    assert not alice.is_held


def test_members_that_only_publish_are_no_receivers() -> None:
    """They are sent nothing, and a room of many sensors waits for its one reader."""
    loop = Loop()
    room = make_room(loop)
    reader, *sensors = (Person(name) for name in ("reader", "a", "b", "c", "d"))
    for sensor in sensors:
        sensor.receives = False
    for member in (reader, *sensors):
        room.join(member)
    _congest(room, loop, sensors[0], reader)
    say(room, sensors[1], b"21")
    loop.run()
    assert room.is_waiting
    _catch_up(room, reader)
    loop.run()
    assert reader.heard[-1] == b"21"
    assert [sensor.heard for sensor in sensors] == [[]] * 4


def test_congested_sender_does_not_stop_itself() -> None:
    """Who is far behind as a receiver may still send to those who are not."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    _congest(room, loop, bob, alice)
    say(room, alice, b"hello")
    loop.run()
    assert bob.heard == [b"hello"]


def test_sender_that_left_does_not_keep_its_room_waiting() -> None:
    """Receivers are counted among those who are there."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol")
    for member in (alice, bob, carol):
        room.join(member)
    _congest(room, loop, alice, bob, carol)
    say(room, alice, b"x")
    loop.run()
    assert room.is_waiting
    room.leave(alice)
    _catch_up(room, carol)
    loop.run()
    assert carol.heard == [b"x"]


def test_idle_room_can_be_forgotten_when_its_history_is_gone() -> None:
    """Nobody in it, nothing to remember."""
    loop = Loop()
    room = make_room(loop, age=10)
    alice = Person("alice")
    room.join(alice)
    say(room, alice, b"x")
    room.leave(alice)
    assert not room.is_idle
    loop.run()
    assert not room.is_idle
    loop.now = 11
    room.expire()
    assert room.is_idle


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=20)), min_size=1, max_size=12))
def test_batch_without_a_session_is_the_rest(said: list[tuple[int, bytes]]) -> None:
    """Slices around its own frames, joined; numbers go on from piece to piece."""
    people = [Person(f"p{index}") for index in range(4)]
    account = Account()
    batch = make_batch(account, *(piece(people[who], word) for who, word in said))
    assert batch.data == b"".join(encode(BINARY, word) for _, word in said)
    assert account.batches == len(batch.data)
    assert batch.messages == len(said)
    for person in people:
        others = b"".join(encode(BINARY, word) for who, word in said if people[who] is not person)
        assert batch.without(person.author.session) == others
        count = sum(people[who] is not person for who, _ in said)
        assert batch.count_without(person.author.session) == (count, len(others))
        for index in range(count + 1):
            assert batch.behind(person.author.session, index) == skip(others, index)
        own = batch.own.get(person.author.session)
        spans = own.spans if own else ()
        assert [span.first for span in spans] == list(range(1, person.said + 1))
    del batch
    assert account.batches == 0


def test_deliveries_are_counted_as_they_were_made() -> None:
    """Own, skipped and refused messages are no deliveries, and counters only grow."""
    loop = Loop()
    shared = make_shared(loop)
    room = make_room(loop, shared=shared)
    people = [Person(name) for name in ("alice", "bob", "skips", "overruns", "leaves")]
    for person in people:
        room.join(person)
    alice, _, skips, overruns, leaves = people
    skips.outcome = Delivered.SKIPPED
    overruns.outcome = Delivered.OVERRAN
    leaves.outcome = Delivered.GONE
    say(room, alice, b"1", b"2")
    loop.run()
    assert overruns.ends == ["overrun"]
    totals = shared.totals
    assert (totals.messages, totals.deliveries, totals.skipped) == (2, 2, 2)
    assert totals.delivered_bytes == 6


def test_member_that_overruns_may_leave_at_once() -> None:
    """It is told when the room is not delivering, and the others get everything."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol")
    for person in (alice, bob, carol):
        room.join(person)
    bob.outcome = Delivered.OVERRAN
    bob.overrun = lambda: room.leave(bob)  # type: ignore[method-assign]
    say(room, alice, b"1")
    say(room, carol, b"2")
    loop.run()
    assert "bob" not in room.members
    assert alice.heard == [b"2"]
    assert carol.heard == [b"1"]


def _wait_for(
    room: Room, shared: Shared, loop: Loop, alice: Person, bob: Person, now: float
) -> float:
    """Let the room wait for bob from `now` on; return after how many seconds it goes on."""
    _congest(room, loop, alice, bob)
    say(room, alice, b"wait")
    loop.run()
    assert room.is_waiting
    seconds = 0.0
    while room.is_waiting:
        for waiting in tuple(shared.congested):
            waiting.check_patience(now + seconds)
        seconds += 0.25
    loop.run()
    assert bob.heard == [b"wait"]
    _catch_up(room, bob)
    say(room, alice, b"go on")
    loop.run()
    assert not room.is_waiting
    return seconds - 0.25


def test_room_that_has_lost_its_patience_has_less_of_it_for_a_while() -> None:
    """Readers that come back again and again cannot hold it for 5 s each time."""
    loop = Loop()
    shared = make_shared(loop)
    room = make_room(loop, shared=shared)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    assert _wait_for(room, shared, loop, alice, bob, 100) == PATIENCE
    assert _wait_for(room, shared, loop, alice, bob, 110) == SHORT_PATIENCE
    assert _wait_for(room, shared, loop, alice, bob, 120) == SHORT_PATIENCE
    assert _wait_for(room, shared, loop, alice, bob, 130 + COOL_DOWN) == PATIENCE
    assert shared.totals.waits == 4
    assert not shared.congested


def test_log_may_answer_later() -> None:
    """Order, credit, and what is on its way to somebody who leaves are as with an immediate one."""
    loop = Loop()
    logs: list[LateLog] = []

    def open_log(on_entry: OnEntry, retention: Retention, state: LogState | None) -> LateLog:
        logs.append(LateLog(on_entry, retention, state))
        return logs[0]

    room = make_room(loop, log=open_log)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    loop.run()
    logs[0].answer()  # that they have come
    say(room, alice, b"1")
    loop.run()
    say(room, bob, b"2")
    loop.run()
    assert bob.heard == []
    assert alice.uncredited == 3
    assert not room.settle(bob)
    logs[0].answer()
    assert (bob.heard, bob.ends, alice.uncredited) == ([b"1"], [], 0)
    logs[0].answer()
    assert bob.ends == ["settled"]
    room.leave(bob)
    room.leave(alice)
    assert alice.heard == [b"2"]
    assert bob.uncredited == 0


def test_member_that_waits_to_settle_gets_nothing_twice() -> None:
    """Not even what was on its way in turns, while the log has not answered for the rest."""
    loop = Loop()
    logs: list[LateLog] = []

    def open_log(on_entry: OnEntry, retention: Retention, state: LogState | None) -> LateLog:
        logs.append(LateLog(on_entry, retention, state))
        return logs[0]

    with mock.patch.object(dispatch, "TURN", 1):
        room = make_room(loop, log=open_log)
        alice, bob, carol = Person("alice"), Person("bob"), Person("carol")
        for person in (alice, carol, bob):
            room.join(person)
        loop.run()
        logs[0].answer()  # that they have come
        say(room, alice, b"1")
        loop.run()
        say(room, alice, b"2")
        logs[0].answer()  # the first; it reaches one member in each pass
        assert bob.heard == []
        assert not room.settle(bob)
        assert bob.heard == [b"1"]
        loop.run()
        logs[0].answer()
        loop.run()
        assert bob.ends == ["settled"]
        assert bob.heard == carol.heard == [b"1", b"2"]


def test_member_that_settles_gets_what_waits_in_a_congested_room() -> None:
    """It leaves with everything that was accepted before."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol")
    for person in (alice, bob, carol):
        room.join(person)
    _congest(room, loop, alice, bob, carol)
    say(room, alice, b"1")
    loop.run()
    assert bob.heard == []
    assert room.settle(bob)
    assert bob.heard == [b"1"]
    room.leave(bob)
