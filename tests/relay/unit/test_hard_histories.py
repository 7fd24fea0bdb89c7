"""Histories that earlier thoughts got wrong, or that the test of random ones has found."""

from relay.edge.connection import Connection
from relay.member.options import Options
from relay.member.session_state import begin
from relay.names import UserName
from relay.room.batch import Batch
from relay.room.log import Entry
from relay.room.resume import Resume
from relay.wire.closing import Reason
from tests.relay.unit.moving import Wire
from tests.relay.unit.phone import Phone
from tests.relay.unit.resuming import World
from tests.relay.unit.stories import ALL, come, say, tell


def test_ghost_publishes_after_its_successor_has_resumed() -> None:
    """It has been closed with 4000; nothing of it is relayed."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.say()
        world.cut(ann, 0, 0, is_noticed=False)
        come(world, ann)
        (ghost,) = world.ghosts
        world.haunt(ALL)
        world.tick()
        assert ghost.connection.session.ending is not None
        assert ghost.connection.session.ending.close.code == 4000
        ann.take(ALL)
        say(world, ann, 0)
        assert world.held == ["ann:1"]

    tell(story)


def test_what_is_said_while_relays_tell_again_who_is_here_has_its_place() -> None:
    """A relay that found nobody who knew has begun anew; who is here has not gone."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        account = world.runtime.terms.account
        world.room.on_begin(Entry(1, 0, Batch(b"", (), "another", 1, account)))
        say(world, ann)
        assert world.held == ["ann:1"]

    tell(story)


def test_late_attempt_is_known_after_its_session_has_left() -> None:
    """For as long as the log's age; then the room has other things to remember."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        world.cut(ann, 0, 0, is_noticed=True)
        world.wait(6)
        world.tick()
        assert "ann" not in world.room.presence.people
        resume = Resume(ann.client.session, 1)
        options = Options(UserName("ann"), resume=resume)
        late = Connection(Wire(), world.room, begin(options, 0), world.runtime)
        late.start(b"", b"")
        world.tick()
        assert late.session.ending is not None
        assert "ann" not in world.room.presence.people

    tell(story)


def test_cursor_after_null_lies_behind_older_messages_of_its_own() -> None:
    """Else their higher numbers would be counted again: history begins behind them."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ben)
        say(world, ann, 3)
        say(world, ben)
        world.cut(ann, 0, 0, is_noticed=True)
        world.trim(1)
        ann.history = 9
        world.connect(ann)
        world.tick()
        world.cut(ann, 0, 190, is_noticed=True)  # it has the welcome, and nothing behind it
        assert ann.client.cursor is not None
        ann.say()
        come(world, ann)
        assert ann.client.waiting
        world.read(ann, ALL)
        world.tick()
        assert world.held[-1] == "ann:4"

    tell(story)


def test_two_batches_on_their_way() -> None:
    """The second is appended when the first has come back, and both are counted once."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ann)
        say(world, ann)
        world.cut(ann, 0, 0, is_noticed=False)
        world.connect(ann)
        world.tick()
        assert world.held == []
        world.answer(ALL)

    tell(story, is_late=True)


def test_room_waits_for_who_may_come_back() -> None:
    """A client that was alone in a silent room goes on after a short cut, without a gap."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        for phone in (ann, ben, cho):
            world.cut(phone, 0, 0, is_noticed=True)
        world.wait(3)
        come(world, ann)
        assert ann.gaps == {}

    tell(story)


def test_what_a_lost_connection_has_pending_is_dropped_when_its_session_goes_on() -> None:
    """Also when the relay has noticed already that it is lost. Found by the test of histories."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ben)  # on its way, so that what follows has to wait
        ann.say()
        world.cut(ann, ALL, 0, is_noticed=True)
        come(world, ann)
        world.answer(ALL)
        ann.take(ALL)
        assert ann.client.waiting

    tell(story, is_late=True)


def test_connection_that_is_leaving_publishes_nothing_behind_its_successor() -> None:
    """Whoever is asked to leave (1012) is still heard, but not when its session goes on."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ann.say()
        ghost = ann.connection
        assert ghost is not None
        world.cut(ann, 0, 0, is_noticed=False)
        say(world, ben)  # on its way, so that the ghost is not settled at once
        ghost.session.close(Reason.RESTARTING.close())
        world.connect(ann)
        world.answer(1)
        world.tick()
        world.answer(ALL)
        world.haunt(ALL)
        world.tick()
        world.answer(ALL)
        assert "ann:1" not in world.held

    tell(story, is_late=True)


def test_newcomer_that_is_lost_before_it_was_there_has_taken_the_name_all_the_same() -> None:
    """Its join is in the log: the connection before it is closed, and not left without a voice."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        ghost = ann.connection
        assert ghost is not None
        world.cut(ann, 0, 0, is_noticed=False)
        world.connect(ann)
        world.tick()  # its join is on its way
        world.cut(ann, 0, 0, is_noticed=True)
        world.answer(ALL)
        assert ghost.session.ending is not None
        assert ghost.session.ending.close.code == 4000
        assert list(world.room.presence.leaving) == ["ann"]

    tell(story, is_late=True)


def test_member_that_is_leaving_does_not_wait_for_what_is_dropped() -> None:
    """It is settled when all has come back that was published before and still is to come."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ben)  # on its way, so that the rest has to wait
        ann.say()
        world.cut(ann, ALL, 0, is_noticed=True)
        leaving = cho.connection
        assert leaving is not None
        leaving.session.close(Reason.RESTARTING.close())
        world.connect(ann)
        for _ in range(3):
            world.tick()
            world.answer(ALL)
        cho.take(ALL)
        assert cho.connection is None or b"relay is restarting" in cho.wire.taken
        assert "cho" not in world.room.members

    tell(story, is_late=True)


def test_handing_over_keeps_session_numbers_and_graces() -> None:
    """A cut before it, a return behind it."""

    def story(world: World, ann: Phone, ben: Phone, cho: Phone) -> None:
        say(world, ann, 2)
        world.cut(ann, 0, 0, is_noticed=True)
        say(world, ben)
        world.move()
        assert "ann" in world.room.presence.leaving
        come(world, ann)
        assert ann.client.acked == 2
        assert ann.got == ["ben:1"]
        assert ann.gaps == {}
        world.cut(cho, 0, 0, is_noticed=True)
        world.move()
        world.wait(6)
        world.tick()
        ann.take(ALL)
        assert ann.here == {"ann", "ben"}

    tell(story)
