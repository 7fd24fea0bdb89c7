"""A room decides without I/O: who gets what, in which order, and when senders wait."""

from hypothesis import given
from hypothesis import strategies as st

from relay.room.batch import MAX_BATCH, Batch, Run
from relay.wire.frames import BINARY, encode
from tests.relay.unit.people import Loop, Person, make_room, say


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
    assert bob.writes == 1
    assert alice.heard == [b"3"]
    assert carol.heard == [b"1", b"2", b"3", b"4"]
    assert alice.to_relay == carol.to_relay == 0


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
        assert person.to_relay == 0


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
    assert room.history(10) == [encode(BINARY, b"before"), encode(BINARY, b"after")]


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
    assert history == [encode(BINARY, b"before")]
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
    writes: list[int] = []
    bob.deliver = lambda data, count: writes.append(len(data))  # type: ignore[method-assign]
    room.join(bob)
    sizes = [100_000, 100_000, 100_000, 1_000_000, 10]
    for size in sizes:
        room.publish(Run(alice, encode(BINARY, bytes(size)), 1))
    loop.run()
    assert sum(writes) == sum(len(encode(BINARY, bytes(size))) for size in sizes)
    assert [write > MAX_BATCH for write in writes] == [False, False, True, False]


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


def _congest(room_members: list[Person], room: object) -> None:
    for person in room_members:
        person.congested = True
    room.congested += len(room_members)  # type: ignore[attr-defined]


def test_congested_room_holds_its_senders_and_loses_nothing() -> None:
    """While more than half of the receivers are far behind, batches wait."""
    loop = Loop()
    room = make_room(loop)
    alice, bob, carol, dave = (Person(name) for name in ("alice", "bob", "carol", "dave"))
    for member in (alice, bob, carol, dave):
        room.join(member)
    _congest([bob, carol], room)
    say(room, alice, b"1")
    loop.run()
    assert room.is_waiting
    assert alice.is_held
    assert dave.heard == []
    say(room, alice, b"2")
    say(room, dave, b"3")
    loop.run()
    assert dave.is_held
    assert room.history(10)  # the log has it; only delivery waits
    carol.congested = False
    room.congested -= 1
    room.eased()
    assert not (room.is_waiting or alice.is_held or dave.is_held)
    loop.run()
    assert bob.heard == carol.heard == [b"1", b"2", b"3"]
    assert dave.heard == [b"1", b"2"]
    assert alice.to_relay == dave.to_relay == 0


def test_slow_minority_never_slows_a_room() -> None:
    """Half of the receivers is not more than half."""
    loop = Loop()
    room = make_room(loop)
    people = [Person(f"p{index}") for index in range(5)]
    for person in people:
        room.join(person)
    _congest(people[1:3], room)
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
    _congest([bob], room)
    say(room, alice, b"wait for bob")
    loop.run()
    assert room.is_waiting
    room.leave(bob)
    loop.run()
    assert not room.is_waiting
    assert not alice.is_held


def test_congested_sender_does_not_stop_itself() -> None:
    """Who is far behind as a receiver may still send to those who are not."""
    loop = Loop()
    room = make_room(loop)
    alice, bob = Person("alice"), Person("bob")
    room.join(alice)
    room.join(bob)
    _congest([alice], room)
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
    _congest([bob, carol], room)
    say(room, alice, b"x")
    loop.run()
    assert room.is_waiting
    carol.congested = False
    room.congested -= 1
    room.leave(alice)
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
def test_batch_without_a_sender_is_the_rest(runs: list[tuple[int, bytes]]) -> None:
    """Slices around its own frames, joined."""
    people = [Person(f"p{index}") for index in range(4)]
    batch = Batch([Run(people[who], encode(BINARY, word), 1) for who, word in runs])
    assert batch.data == b"".join(encode(BINARY, word) for _, word in runs)
    assert batch.messages == len(runs)
    for sender in batch.own:
        others = [encode(BINARY, word) for who, word in runs if people[who] is not sender]
        assert batch.without(sender) == (b"".join(others), len(others))
