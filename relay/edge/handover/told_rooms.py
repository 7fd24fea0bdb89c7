"""Which rooms a successor has been told, as they still are.

There may be a hundred thousand that only their history keeps: they go ahead, while this relay
serves. The state of a room in which something has happened since then is told at the end.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from relay.edge.handover.format import Numbers, pack_room
from relay.names import RoomName
from relay.room.room import Room

_MOST: Final = 1000  # in one message: some milliseconds of work


class ToldRooms:
    """Of each room: which one it was, and where its log ended."""

    def __init__(self, rooms: Mapping[RoomName, Room], entries: Numbers) -> None:
        self._rooms = rooms
        self._entries = entries
        self._told: dict[RoomName, tuple[Room, int]] = {}

    def has_told(self, room: Room) -> bool:
        """Whether the successor knows it as it is."""
        told = self._told.get(room.name)
        return told is not None and told[0] is room and told[1] == room.still_at

    def untold(self) -> int:
        """Return how many could be told now."""
        return sum(
            room.still_at is not None and not self.has_told(room) for room in self._rooms.values()
        )

    def tell(self) -> Iterator[list[Any]]:
        """Yield messages that tell those in which nothing is on its way."""
        records = []
        for room in tuple(self._rooms.values()):
            still_at = room.still_at
            if still_at is None or self.has_told(room):
                continue
            state = room.snapshot()
            if not all(entry in self._entries for entry in state.log.entries):
                continue  # it came when the entries had been told
            self._told[room.name] = room, still_at
            records.append(pack_room(state, self._entries))
            if len(records) == _MOST:
                yield records
                records = []
        if records:
            yield records

    def changed(self) -> list[Room]:
        """Return those that the successor does not know as they are."""
        return [room for room in self._rooms.values() if not self.has_told(room)]

    def forgotten(self) -> list[RoomName]:
        """Return those that the successor has been told of and that are no more."""
        return [name for name in self._told if name not in self._rooms]
