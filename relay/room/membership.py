"""Who is in a room on this relay, and whose join has no place in the log yet."""

from collections.abc import Sequence

from relay.names import UserName
from relay.room.log import Log
from relay.room.member import Member
from relay.room.presence import Presence
from relay.room.resume import Welcome, find_place


class Membership:
    """`members` by name, and those who are `joining`: several may be on their way to one name.

    `receiving` is how many members are given the messages of others.
    """

    __slots__ = ("_listeners", "_receivers", "joining", "members", "receiving")

    def __init__(self) -> None:
        self.members: dict[UserName, Member] = {}
        self.joining: dict[UserName, list[Member]] = {}
        self._receivers: tuple[Member, ...] | None = ()  # None when out of date
        self._listeners: dict[UserName, Member] = {}  # asked for at each join
        self.receiving = 0  # counted as they come and go: to ask them all takes long

    def __bool__(self) -> bool:
        return bool(self.members or self.joining)

    def has(self, user: UserName) -> bool:
        """Whether somebody has this name, or is about to have it."""
        return user in self.members or user in self.joining

    def holder(self, user: UserName) -> Member | None:
        """Return who has this name, or is the last that is about to have it."""
        joining = self.joining.get(user)
        return joining[-1] if joining else self.members.get(user)

    def receivers(self) -> Sequence[Member]:
        """Return who is given entries; an annotated member that only publishes is given its own."""
        if self._receivers is None:
            self._receivers = tuple(
                [each for each in self.members.values() if each.receives or each.resume]
            )
        return self._receivers

    def listeners(self) -> Sequence[Member]:
        """Return who is told of others."""
        return tuple(self._listeners.values())

    def put(self, member: Member) -> Member | None:
        """Give its name to this member; return who had it."""
        before = self.remove(member.user)
        self.members[member.user] = member
        self.receiving += member.receives
        if member.resume and member.receives:
            self._listeners[member.user] = member
        return before

    def remove(self, user: UserName) -> Member | None:
        """Take the name from whoever has it."""
        self._receivers = None
        self._listeners.pop(user, None)
        member = self.members.pop(user, None)
        if member is not None:
            self.receiving -= member.receives
        return member

    def await_join(self, member: Member) -> None:
        self.joining.setdefault(member.user, []).append(member)

    def stop_joining(self, member: Member) -> bool:
        """Stop waiting for its join; return whether that was waited for."""
        joining = self.joining.get(member.user, [])
        if member not in joining:
            return False
        joining.remove(member)
        if not joining:
            del self.joining[member.user]
        return True


def admit(member: Member, log: Log, joined: int, presence: Presence) -> None:
    """Tell an annotated member where it begins: its join is the entry with this offset."""
    assert member.resume is not None
    place = find_place(member.resume, member.id, log, joined)
    member.welcome(Welcome(place, presence.names(), presence.count))
