"""A relay hands over to one that reads the format before, and takes over from such a one."""

import asyncio
from collections.abc import Callable

from relay.edge.connection import Connection
from relay.edge.handover.format import READABLE
from relay.edge.runtime import Runtime
from relay.member.options import Options
from relay.member.session import Session
from relay.member.session_state import begin
from relay.names import RoomName, UserName
from relay.room.resume import Resume
from relay.wire.notes import MARK
from tests.raw import encode
from tests.relay.unit.moving import Wire, hand_over
from tests.relay.unit.people import Loop
from tests.relay.unit.runtime import connect, make_runtime, receive


def _wire() -> Wire:
    wire = Wire()
    wire.room = 10**9
    return wire


def _annotated(runtime: Runtime, name: str) -> Connection:
    options = Options(UserName(name), resume=Resume("a-session"))
    room = runtime.hub.room(RoomName("lobby"))
    connection = Connection(_wire(), room, begin(options, 0), runtime)
    connection.start(b"", b"")
    return connection


def _keep_token(session: Session, token: str) -> None:
    session.fresh_token = token


def _in_loop(test: Callable[[Loop], None]) -> None:
    async def run() -> None:
        test(Loop())

    asyncio.run(run())


def test_former_format_moves_members_and_their_room() -> None:
    """Half a message is told when nobody is served; a token that is being checked is not told."""

    def test(loop: Loop) -> None:
        old = make_runtime(loop.call_soon, renew=_keep_token)
        bob, carol = connect(old, "bob", _wire()), connect(old, "carol", _wire())
        ann = _annotated(old, "ann")
        loop.run()
        receive(bob, encode(1, MARK + b"looks like a note") + encode(1, b"one")[:5])
        receive(ann, encode(1, MARK + b'{"type":"token","token":"fresh"}'))
        loop.run()
        new = make_runtime(loop.call_soon)
        moved = hand_over(old, new, READABLE[-1])
        assert set(moved) == {bob, carol, ann}
        room = new.hub.room(RoomName("lobby"))
        assert room.epoch == ann.session.room.epoch
        assert set(room.presence.people) == {"ann", "bob", "carol"}
        assert not moved[ann][0].session.fresh_token
        _, wire = moved[carol]
        wire.room = 10**9
        receive(moved[bob][0], encode(1, b"one")[5:])
        loop.run()
        assert wire.taken == b"\x81\x03one"

    _in_loop(test)


def test_current_format_moves_annotated_members_and_presence() -> None:
    """With their numbers, and who is about to have left."""

    def test(loop: Loop) -> None:
        old = make_runtime(loop.call_soon)
        bob, ann = connect(old, "bob", _wire()), _annotated(old, "ann")
        loop.run()
        receive(ann, encode(1, b"one") + encode(1, b'\0{"type":"data"}'))
        loop.run()
        old.hub.leave(bob.session.room, bob.session)
        new = make_runtime(loop.call_soon)
        moved = hand_over(old, new)
        room = new.hub.room(RoomName("lobby"))
        assert room.presence.snapshot() == ann.session.room.presence.snapshot()
        assert list(room.presence.leaving) == ["bob"]
        after, _ = moved[ann]
        assert after.session.snapshot() == ann.session.snapshot()
        receive(after, encode(1, b"\0two"))
        loop.run()
        entry = room.entries()[-1]
        assert entry.batch.spans[0].first == 2
        assert entry.batch.spans[0].has_marked

    _in_loop(test)


def test_token_that_is_being_checked_is_checked_by_the_successor() -> None:
    """The latest one; a session that has none is not asked about."""

    def test(loop: Loop) -> None:
        checked: list[tuple[str, str]] = []
        old = make_runtime(loop.call_soon, renew=_keep_token)
        ann, bob = _annotated(old, "ann"), _annotated(old, "bob")
        loop.run()
        for token in (b"first", b"second"):
            receive(ann, encode(1, MARK + b'{"type":"token","token":"%s"}' % token))
        new = make_runtime(
            loop.call_soon, renew=lambda session, token: checked.append((session.user, token))
        )
        moved = hand_over(old, new)
        assert set(moved) == {ann, bob}
        assert checked == [("ann", "second")]

    _in_loop(test)
