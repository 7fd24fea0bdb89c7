"""Each rule of docs/protocol.md, "What makes it exact", in the history that breaks without it."""

import pytest

from relay.edge.connection import Connection
from relay.member.options import Options
from relay.member.session_state import begin
from relay.names import UserName
from relay.room.batch import Author, Piece, SessionId
from relay.room.log import Cursor
from relay.room.resume import Resume
from relay.wire.frames import BINARY, encode
from tests.relay.unit.moving import Wire
from tests.relay.unit.phone import Phone
from tests.relay.unit.resuming import World
from tests.relay.unit.stories import ALL, come, say, tell


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

    tell(story, is_late=True)


def test_join_waits_for_itself() -> None:
    """What was on its way to the log when the newcomer came is counted, and replayed."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ann)  # on its way
        world.cut(ann, 0, 0, is_noticed=True)
        say(world, ben)
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

    tell(story, is_late=True)


def test_joins_are_ordered_by_attempt() -> None:
    """A dead connection that comes late takes the name from nobody."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.client.attempt = 7
        world.cut(ann, 0, 0, is_noticed=True)
        come(world, ann)
        resume = Resume(ann.client.session, 7, Cursor(world.room.epoch, 1))
        late = Connection(
            Wire(), world.room, begin(Options(UserName("ann"), resume=resume), 0), world.runtime
        )
        late.start(b"", b"")
        world.tick()
        assert late.session.ending is not None
        assert ann.connection is not None
        assert ann.connection.session.is_open

    tell(story)


def test_received_is_counted_from_the_log() -> None:
    """Not from what was acknowledged: the acknowledgement may have been lost."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ann, 3)
        world.cut(ann, 0, 0, is_noticed=True)  # it has read no acknowledgement
        assert ann.client.acked == 0
        come(world, ann)
        assert ann.client.acked == 3
        assert world.held == ["ann:1", "ann:2", "ann:3"]

    tell(story)


def test_after_null_both_sides_count_from_acked() -> None:
    """The next message is the one behind it, whatever numbers the log had given out."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ann, 3)
        world.cut(ann, 0, 0, is_noticed=True)
        world.trim(ALL)
        come(world, ann)
        assert ann.unknown == {"ann:1", "ann:2", "ann:3"}
        say(world, ann)
        ann.take(ALL)
        assert ann.client.acked == 1

    tell(story)


def test_gap_at_a_join_is_in_the_welcome() -> None:
    """It is told again until the client has a cursor behind it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        say(world, ben)
        world.trim(ALL)
        world.connect(ann)
        world.tick()
        world.cut(ann, 0, 100, is_noticed=True)  # in the middle of the welcome
        assert ann.gaps == {}
        come(world, ann)
        assert ann.gaps == {0: None}

    tell(story)


def test_log_is_trimmed_between_cursor_and_head() -> None:
    """Even if what was dropped last is not what came last."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        say(world, ben)
        say(world, ben)
        world.trim(1)
        come(world, ann)
        assert ann.gaps == {0: None}
        assert ann.got == []

    tell(story)


def test_acknowledgement_survives_skipping() -> None:
    """It comes in the place of the gap, which begins to count again."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        cho.wire.room = 0
        for _ in range(3):
            _publish(world, 2000)
        say(world, cho, 2)
        _publish(world, 2000)
        cho.wire.give(ALL)
        world.tick()
        cho.take(ALL)
        assert cho.client.acked == 2
        assert list(cho.gaps.values()) == [2]
        assert cho.client.skip == 0

    tell(story)


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
        say(world, ben)
        come(world, cho)
        assert cho.got[-1] == "ben:1"

    tell(story)


@pytest.mark.parametrize("history", [1, 2, 3])
def test_history_begins_at_the_border_of_a_batch(history: int) -> None:
    """Else `skip` could not say what has been received of it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ben, 3)  # one batch
        world.cut(ann, 0, 0, is_noticed=True)
        ann.client.cursor = None
        ann.history = history
        world.connect(ann)
        world.tick()
        ann.take(ALL)
        assert ann.got == ["ben:1", "ben:2", "ben:3"]
        world.cut(ann, 0, 0, is_noticed=True)

    tell(story)


def test_replay_is_never_skipped() -> None:
    """However large it is: it is no lag."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(cho, 0, 0, is_noticed=True)
        for _ in range(5):
            _publish(world, 2000)
        world.connect(cho, 0)
        world.tick()
        say(world, ben)
        cho.wire.give(ALL)
        cho.take(ALL)
        assert cho.gaps == {}
        assert len(cho.got) == 6

    tell(story)


def test_idle_room_is_forgotten_and_begins_again() -> None:
    """In another epoch; a cursor of the first is a gap in the second."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ben)
        before = world.room.epoch
        for phone in (ann, ben, cho):
            phone.take(ALL)
            world.cut(phone, 0, 0, is_noticed=True)
        world.wait(70)
        world.tick()
        world.wait(70)
        assert not world.runtime.hub.rooms
        come(world, ann)
        assert world.room.epoch != before
        assert ann.gaps == {1: None}

    tell(story)


def test_cursor_beyond_the_head_belongs_to_another_epoch() -> None:
    """Whoever made it up gets a gap, and never somebody else's place."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        ann.client.cursor = Cursor(world.room.epoch, 10**9).text()
        come(world, ann)
        assert ann.gaps == {0: None}

    tell(story)


def test_half_a_batch_is_continued_by_skip() -> None:
    """What has arrived of it is not sent again; `from` is."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.take(ALL)
        say(world, ben, 5)
        world.cut(ann, 0, 60, is_noticed=True)
        assert 0 < ann.client.skip < 5
        come(world, ann)
        assert ann.got == [f"ben:{number}" for number in range(1, 6)]

    tell(story)
