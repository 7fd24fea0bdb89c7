"""An entry on its way to those who were members when the log handed it back."""

from collections.abc import Sequence

from relay.room.log import Entry
from relay.room.member import Member, Publisher

Credits = Sequence[tuple[Publisher, int]]  # who published, and how many bytes of frames


class Delivery:
    """`position` members have it, the others do not yet; then `credits` are given."""

    __slots__ = ("_due", "_early", "credits", "entry", "has_begun", "members", "position")

    def __init__(
        self, entry: Entry, members: Sequence[Member], credits: Credits, has_begun: bool = False
    ) -> None:
        self.entry = entry
        self.members = members
        self.credits = credits
        self.position = 0
        self.has_begun = has_begun  # some have it already, so that it does not wait
        self._due: tuple[int, set[Member]] | None = None
        self._early: set[Member] = set()  # who had it before it was their turn

    @property
    def is_over(self) -> bool:
        return self.position >= len(self.members)

    def next(self, turn: int) -> Sequence[Member]:
        """Return the next `turn` members at most; they are then no longer due."""
        self.has_begun = True
        position = self.position
        self.position += turn
        whole = position == 0 and turn >= len(self.members)
        members = self.members if whole else self.members[position : position + turn]
        if self._early:
            return [member for member in members if member not in self._early]
        return members

    def take_early(self, member: Member) -> bool:
        """Return whether it is due for this member; from now on it is not."""
        is_due = self.is_due(member)
        if is_due:
            self._early.add(member)
        return is_due

    def is_due(self, member: Member) -> bool:
        """Whether it has not reached this member yet."""
        if self._due is None or self._due[0] != self.position:
            self._due = self.position, set(self.members[self.position :])
        return member in self._due[1] and member not in self._early
