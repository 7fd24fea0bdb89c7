"""Each rule of docs/protocol.md, "What makes it exact", in the history that breaks without it."""

import asyncio
from collections.abc import Callable

import pytest

from relay.edge.connection import Connection
from relay.member.options import Options
from relay.member.session import begin
from relay.names import UserName
from relay.room.batch import Author, Piece, SessionId
from relay.room.log import Cursor
from relay.room.resume import Resume
from relay.settings import Settings
from relay.wire.closing import Reason
from relay.wire.frames import BINARY, encode
from tests.relay.unit.moving import Wire
from tests.relay.unit.resuming import Phone, World

ALL = 10**9

Story = Callable[[World, Phone, Phone, Phone], None]


def _tell(story: Story, *, is_late: bool = False, settings: Settings | None = None) -> None:
    """Play what happens to ann, ben (who echoes) and cho (who skips); then everybody comes back."""

    async def run() -> None:
        world = World(is_late=is_late, settings=settings)
        for phone in world.phones:
            _come(world, phone)
        story(world, *world.phones)
        world.settle()
        world.judge()

    asyncio.run(run())


def _come(world: World, phone: Phone) -> None:
    world.connect(phone)
    world.tick()
    world.answer(ALL)
    phone.take(ALL)


def _say(world: World, phone: Phone, count: int = 1) -> None:
    for _ in range(count):
        phone.say()
    world.read(phone, ALL)
    world.tick()


def test_append_is_conditional() -> None:
    """What a connection publishes behind its successor's join does not reach the log."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.say()
        world.cut(ann, 0, 0, is_noticed=False)
        world.connect(ann)
        world.tick()  # its join is on its way
        world.haunt(ALL)  # what the connection before has sent arrives now
        world.tick()
        world.answer(1)
        world.answer(ALL)
        assert world.held == []

    _tell(story, is_late=True)


def test_two_batches_on_their_way() -> None:
    """The second is appended when the first has come back, and both are counted once."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ann)
        _say(world, ann)
        world.cut(ann, 0, 0, is_noticed=False)
        world.connect(ann)
        world.tick()
        assert world.held == []
        world.answer(ALL)

    _tell(story, is_late=True)


def test_ghost_publishes_after_its_successor_has_resumed() -> None:
    """It has been closed with 4000; nothing of it is relayed."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.say()
        world.cut(ann, 0, 0, is_noticed=False)
        _come(world, ann)
        (ghost,) = world.ghosts
        world.haunt(ALL)
        world.tick()
        assert ghost.connection.ending is not None
        assert ghost.connection.ending.close.code == 4000
        ann.take(ALL)
        _say(world, ann, 0)
        assert world.held == ["ann:1"]

    _tell(story)


def test_join_waits_for_itself() -> None:
    """What was on its way to the log when the newcomer came is counted, and replayed."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ann)  # on its way
        world.cut(ann, 0, 0, is_noticed=True)
        _say(world, ben)
        world.connect(ann)
        world.tick()
        ann.take(ALL)
        assert not ann.client.is_welcome
        world.answer(ALL)
        world.answer(ALL)
        world.answer(ALL)
        ann.take(ALL)
        assert ann.client.is_welcome
        assert ann.client.acked == 1
        assert ann.got == ["ben:1"]

    _tell(story, is_late=True)


def test_joins_are_ordered_by_attempt() -> None:
    """A dead connection that comes late takes the name from nobody."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.client.attempt = 7
        world.cut(ann, 0, 0, is_noticed=True)
        _come(world, ann)
        resume = Resume(ann.client.session, 7, Cursor(world.room.epoch, 1))
        late = Connection(
            Wire(), world.room, begin(Options(UserName("ann"), resume=resume), 0), world.floor
        )
        late.start(b"", b"")
        world.tick()
        assert late.ending is not None
        assert ann.connection is not None
        assert ann.connection.is_open

    _tell(story)


def test_late_attempt_is_known_after_its_session_has_left() -> None:
    """For as long as the log's age; then the room has other things to remember."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        world.wait(6)
        world.tick()
        assert "ann" not in world.room.presence.people
        resume = Resume(ann.client.session, 1)
        options = Options(UserName("ann"), resume=resume)
        late = Connection(Wire(), world.room, begin(options, 0), world.floor)
        late.start(b"", b"")
        world.tick()
        assert late.ending is not None
        assert "ann" not in world.room.presence.people

    _tell(story)


def test_received_is_counted_from_the_log() -> None:
    """Not from what was acknowledged: the acknowledgement may have been lost."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ann, 3)
        world.cut(ann, 0, 0, is_noticed=True)  # it has read no acknowledgement
        assert ann.client.acked == 0
        _come(world, ann)
        assert ann.client.acked == 3
        assert world.held == ["ann:1", "ann:2", "ann:3"]

    _tell(story)


def test_after_null_both_sides_count_from_acked() -> None:
    """The next message is the one behind it, whatever numbers the log had given out."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ann, 3)
        world.cut(ann, 0, 0, is_noticed=True)
        world.trim(ALL)
        _come(world, ann)
        assert ann.unknown == {"ann:1", "ann:2", "ann:3"}
        _say(world, ann)
        ann.take(ALL)
        assert ann.client.acked == 1

    _tell(story)


def test_cursor_after_null_lies_behind_older_messages_of_its_own() -> None:
    """Else their higher numbers would be counted again: history begins behind them."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ben)
        _say(world, ann, 3)
        _say(world, ben)
        world.cut(ann, 0, 0, is_noticed=True)
        world.trim(1)
        ann.history = 9
        world.connect(ann)
        world.tick()
        world.cut(ann, 0, 190, is_noticed=True)  # it has the welcome, and nothing behind it
        assert ann.client.cursor is not None
        ann.say()
        _come(world, ann)
        assert ann.client.waiting
        world.read(ann, ALL)
        world.tick()
        assert world.held[-1] == "ann:4"

    _tell(story)


def test_gap_at_a_join_is_in_the_welcome() -> None:
    """It is told again until the client has a cursor behind it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        _say(world, ben)
        world.trim(ALL)
        world.connect(ann)
        world.tick()
        world.cut(ann, 0, 100, is_noticed=True)  # in the middle of the welcome
        assert ann.gaps == {}
        _come(world, ann)
        assert ann.gaps == {0: None}

    _tell(story)


def test_log_is_trimmed_between_cursor_and_head() -> None:
    """Even if what was dropped last is not what came last."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        _say(world, ben)
        _say(world, ben)
        world.trim(1)
        _come(world, ann)
        assert ann.gaps == {0: None}
        assert ann.got == []

    _tell(story)


def test_acknowledgement_survives_skipping() -> None:
    """It comes in the place of the gap, which begins to count again."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        cho.wire.room = 0
        for _ in range(3):
            _publish(world, 2000)
        _say(world, cho, 2)
        _publish(world, 2000)
        cho.wire.give(ALL)
        world.tick()
        cho.take(ALL)
        assert cho.client.acked == 2
        assert list(cho.gaps.values()) == [2]
        assert cho.client.skip == 0

    _tell(story)


def _publish(world: World, size: int) -> None:
    """Publish from outside of the room; the judge does not ask who said it."""
    frame = encode(BINARY, b"post:%d" % size + b"." * size)
    author = Author(UserName("post"), SessionId("of a POST"))
    world.room.publish(Piece(author, 1, frame, 1), _Nobody())
    world.tick()


class _Nobody:
    """A publisher that nobody has to wait for."""

    def hold(self) -> None: ...
    def release(self) -> None: ...
    def credit(self, size: int) -> None: ...


def test_skipping_and_then_a_cursor() -> None:
    """A slow reader that was told a gap and is cut goes on behind it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        cho.wire.room = 0
        for _ in range(4):
            _publish(world, 2000)
        cho.wire.give(ALL)
        world.tick()
        cho.take(ALL)
        world.cut(cho, 0, 0, is_noticed=True)
        _say(world, ben)
        _come(world, cho)
        assert cho.got[-1] == "ben:1"

    _tell(story)


@pytest.mark.parametrize("history", [1, 2, 3])
def test_history_begins_at_the_border_of_a_batch(history: int) -> None:
    """Else `skip` could not say what has been received of it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ben, 3)  # one batch
        world.cut(ann, 0, 0, is_noticed=True)
        ann.client.cursor = None
        ann.history = history
        world.connect(ann)
        world.tick()
        ann.take(ALL)
        assert ann.got == ["ben:1", "ben:2", "ben:3"]
        world.cut(ann, 0, 0, is_noticed=True)

    _tell(story)


def test_replay_is_never_skipped() -> None:
    """However large it is: it is no lag."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(cho, 0, 0, is_noticed=True)
        for _ in range(5):
            _publish(world, 2000)
        world.connect(cho, 0)
        world.tick()
        _say(world, ben)
        cho.wire.give(ALL)
        cho.take(ALL)
        assert cho.gaps == {}
        assert len(cho.got) == 6

    _tell(story)


def test_idle_room_is_forgotten_and_begins_again() -> None:
    """In another epoch; a cursor of the first is a gap in the second."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ben)
        before = world.room.epoch
        for phone in (ann, ben, cho):
            phone.take(ALL)
            world.cut(phone, 0, 0, is_noticed=True)
        world.wait(70)
        world.tick()
        world.wait(70)
        assert not world.floor.hub.rooms
        _come(world, ann)
        assert world.room.epoch != before
        assert ann.gaps == {1: None}

    _tell(story)


def test_room_waits_for_who_may_come_back() -> None:
    """A client that was alone in a silent room goes on after a short cut, without a gap."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        for phone in (ann, ben, cho):
            world.cut(phone, 0, 0, is_noticed=True)
        world.wait(3)
        _come(world, ann)
        assert ann.gaps == {}

    _tell(story)


def test_cursor_beyond_the_head_belongs_to_another_epoch() -> None:
    """Whoever made it up gets a gap, and never somebody else's place."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        ann.client.cursor = Cursor(world.room.epoch, 10**9).text()
        _come(world, ann)
        assert ann.gaps == {0: None}

    _tell(story)


def test_half_a_batch_is_continued_by_skip() -> None:
    """What has arrived of it is not sent again; `from` is."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.take(ALL)
        _say(world, ben, 5)
        world.cut(ann, 0, 60, is_noticed=True)
        assert 0 < ann.client.skip < 5
        _come(world, ann)
        assert ann.got == [f"ben:{number}" for number in range(1, 6)]

    _tell(story)


def test_what_a_lost_connection_has_pending_is_dropped_when_its_session_goes_on() -> None:
    """Also when the relay has noticed already that it is lost. Found by the test of histories."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ben)  # on its way, so that what follows has to wait
        ann.say()
        world.cut(ann, ALL, 0, is_noticed=True)
        _come(world, ann)
        world.answer(ALL)
        ann.take(ALL)
        assert ann.client.waiting

    _tell(story, is_late=True)


def test_connection_that_is_leaving_publishes_nothing_behind_its_successor() -> None:
    """Whoever is asked to leave (1012) is still heard, but not when its session goes on."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.say()
        ghost = ann.connection
        assert ghost is not None
        world.cut(ann, 0, 0, is_noticed=False)
        _say(world, ben)  # on its way, so that the ghost is not settled at once
        ghost.close(Reason.RESTARTING.close())
        world.connect(ann)
        world.answer(1)
        world.tick()
        world.answer(ALL)
        world.haunt(ALL)
        world.tick()
        world.answer(ALL)
        assert "ann:1" not in world.held

    _tell(story, is_late=True)


def test_handing_over_keeps_session_numbers_and_graces() -> None:
    """A cut before it, a return behind it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        _say(world, ann, 2)
        world.cut(ann, 0, 0, is_noticed=True)
        _say(world, ben)
        world.move()
        assert "ann" in world.room.presence.leaving
        _come(world, ann)
        assert ann.client.acked == 2
        assert ann.got == ["ben:1"]
        assert ann.gaps == {}
        world.cut(cho, 0, 0, is_noticed=True)
        world.move()
        world.wait(6)
        world.tick()
        ann.take(ALL)
        assert ann.here == {"ann", "ben"}

    _tell(story)
