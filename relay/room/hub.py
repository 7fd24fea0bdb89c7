"""The hub: rooms by name, who is where, and what may be forgotten. It decides and does no I/O."""

from relay.names import RoomName, UserName
from relay.room.log import OpenLog
from relay.room.member import Member
from relay.room.room import Room
from relay.room.shared import Shared
from relay.room.totals import Totals


class Hub:
    """All rooms of this relay.

    A room exists while it has members, its log holds something, or a session may come back.
    """

    def __init__(self, open_log: OpenLog, shared: Shared) -> None:
        self._open_log = open_log
        self._shared = shared
        self._rooms: dict[RoomName, Room] = {}

    @property
    def rooms(self) -> dict[RoomName, Room]:
        return self._rooms

    @property
    def totals(self) -> Totals:
        return self._shared.totals

    def room(self, name: RoomName) -> Room:
        """Return the room of this name, and open it if need be."""
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = self.new_room(name)
        return room

    def new_room(self, name: RoomName) -> Room:
        """Return a room that is not among the others yet, to be restored and adopted."""
        return Room(name, self._open_log, self._shared)

    def adopt(self, room: Room) -> None:
        """Take a room that has been restored among the others."""
        assert room.name not in self._rooms
        self._rooms[room.name] = room

    def holder(self, room: RoomName, user: UserName) -> Member | None:
        """Return the member that has this name in this room, or is about to have it."""
        existing = self._rooms.get(room)
        return existing.holder(user) if existing else None

    def leave(self, room: Room, member: Member) -> None:
        """Take the member out of its room, and forget the room if nothing is left of it."""
        room.leave(member)
        self._forget(room)

    def drop(self, room: Room) -> None:
        """Forget a room whose log cannot go on."""
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            room.close()

    def expire(self, room: Room) -> None:
        """Drop the room's history that is too old, and the room if nothing is left of it."""
        room.expire()
        self._forget(room)

    def check_patience(self, now: float) -> None:
        """End the waits that have lasted long enough; `now` in seconds."""
        for room in tuple(self._shared.congested):
            room.check_patience(now)

    def end_graces(self, now: float) -> None:
        """Take the leave of those who have not come back in time; `now` in seconds."""
        for room in tuple(self._shared.in_grace):
            room.end_graces(now)

    def _forget(self, room: Room) -> None:
        if room.is_idle and self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            room.close()
