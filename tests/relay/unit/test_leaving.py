"""Members that leave a room that waits: each costs the same, however many there are."""

from relay.room.member import Delivered
from relay.room.room import Room
from tests.relay.unit.people import Loop, Person, make_room, say

_COUNT = 300


class _Asked(Person):
    """Counts how often it is asked whether it receives."""

    asked = 0

    def __getattribute__(self, name: str) -> object:
        if name == "receives":
            type(self).asked += 1
        return super().__getattribute__(name)


def _crowd(room: Room) -> list[_Asked]:
    members = [_Asked(f"member-{number}") for number in range(_COUNT)]
    for member in members:
        room.join(member)
    return members


def test_each_that_leaves_a_waiting_room_is_a_small_step() -> None:
    """500 stuck readers that were closed at once held every room for 300 ms."""
    loop = Loop()
    room = make_room(loop)
    alice = Person("alice")
    members = _crowd(room)
    room.join(alice)
    for member in members:
        member.outcome, member.is_behind = Delivered.QUEUED, True
    for text in (b"queued", b"waits"):
        say(room, alice, text)
        loop.run()
    assert room.is_waiting
    _Asked.asked = 0
    for member in members:
        room.leave(member)
    assert not room.is_waiting
    assert _Asked.asked <= 3 * _COUNT
