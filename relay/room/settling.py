"""Members that are leaving, and are first given what was on its way to them."""

from collections.abc import Sequence

from relay.room.member import Member


class Settling:
    """Each leaves when the log has handed back a certain number of pieces."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: dict[Member, int] = {}

    def __bool__(self) -> bool:
        return bool(self._ends)

    def __contains__(self, member: Member) -> bool:
        return member in self._ends

    def add(self, member: Member, end: int) -> None:
        self._ends[member] = end

    def forget(self, member: Member) -> None:
        self._ends.pop(member, None)

    def limit(self, total: int) -> None:
        """Pieces were dropped and will not be handed back: nobody waits for more than `total`."""
        for member, end in self._ends.items():
            self._ends[member] = min(end, total)

    def take(self, returned: int) -> Sequence[Member]:
        """Return the members that have been given everything, and forget them."""
        members = [member for member, end in self._ends.items() if end <= returned]
        for member in members:
            del self._ends[member]
        return members
