"""Who is in a room, by its log: a user is there from its join until its leave, over connections.

Who comes back within the grace period has never left. Changes are told one by one in rooms of up
to `MOST` members. A larger room tells that it is too large, and once it has shrunk to `FEW`, who
is there: not at `MOST`, or a few who come and go would have it tell all names each time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from relay.names import UserName
from relay.room.batch import ANYBODY, Author, Change, SessionId
from relay.wire import notes

MOST: Final = 256  # members that are told of each other
FEW: Final = 192  # members from which they are told again, in a room that was larger
REMEMBERED: Final = 1000  # sessions of a room that are gone, whose late connections are known


class Person(NamedTuple):
    """The session that holds a name."""

    session: SessionId
    attempt: int
    relay: str = ""  # that has its connection


@dataclass(frozen=True, slots=True)
class PresenceState:
    """All that there is to know of a room's presence, as values; times in seconds of one clock."""

    people: tuple[tuple[Any, ...], ...] = ()  # user, session, attempt, and the relay if it is told
    leaving: tuple[tuple[UserName, float], ...] = ()
    gone: tuple[tuple[SessionId, int, float], ...] = ()
    is_told: bool = True


class Applied(NamedTuple):
    """What has become of a batch of changes: which were taken, and what members are told."""

    taken: Sequence[bool]
    notes: bytes


class Presence:
    """People by name, in the order of their coming; `leaving` until when they may come back."""

    __slots__ = ("_awaited", "_gone", "_json", "is_told", "leaving", "people")

    def __init__(self, state: PresenceState | None = None) -> None:
        self.people: dict[UserName, Person] = {}
        self.leaving: dict[UserName, float] = {}
        self._awaited: set[UserName] = set()  # those of them who have an annotated session
        self.is_told = True  # whether members are told of each other
        self._gone: dict[SessionId, tuple[int, float]] = {}  # latest attempt, and when it ended
        self._json: bytes | None = None  # of all names, until somebody comes or goes
        if state is not None:
            self.restore(state)

    def snapshot(self) -> PresenceState:
        return PresenceState(
            tuple(
                (user, *person) if person.relay else (user, person.session, person.attempt)
                for user, person in self.people.items()
            ),
            tuple(self.leaving.items()),
            tuple((session, *latest) for session, latest in self._gone.items()),
            self.is_told,
        )

    def restore(self, state: PresenceState) -> None:
        """Go on where another stood."""
        self.begin()
        for user, *person in state.people:
            self.people[user] = Person(*person)
        for user, until in state.leaving:
            self.begin_grace(user, until)
        self._gone.update((session, (attempt, at)) for session, attempt, at in state.gone)
        self.is_told = state.is_told

    @property
    def count(self) -> int:
        return len(self.people)

    @property
    def is_awaiting(self) -> bool:
        """Whether an annotated session may come back within its grace, with its cursor."""
        return bool(self._awaited)

    def is_latest(self, author: Author, attempt: int) -> bool:
        """Whether this is the connection of an annotated session that holds its name."""
        person = self.people.get(author.user) if author.user is not None else None
        return person is not None and person.session == author.session and person.attempt == attempt

    def names(self) -> bytes:
        """Return the names as notes take them; null where members are not told of each other."""
        if self._json is None:
            self._json = notes.json_of(list(self.people) if self.is_told else None)
        return self._json

    def note(self) -> bytes:
        """Return the note that says who is there."""
        return notes.members(self.names(), self.count)

    def apply(self, changes: Iterable[Change], now: float, relay: str = "") -> Applied:
        """Take the changes that an entry of the log holds, in their order, from this relay."""
        taken: list[bool] = []
        told: list[bytes] = []
        for change in changes:
            is_here = change.user in self.people
            is_taken = (
                self._join(change, now, relay) if change.is_join else self._leave(change, now)
            )
            taken.append(is_taken)
            if is_taken and is_here is not change.is_join:
                told.append((notes.join if change.is_join else notes.leave)(change.user))
                self._json = None
        return Applied(taken, self._tell(told))

    def adopt(self, user: UserName, session: SessionId) -> None:
        """A member is there whose join nobody has told."""
        self.people.setdefault(user, Person(session, 0))

    def begin_grace(self, user: UserName, until: float) -> None:
        """The member with this name is gone; it may come back until then."""
        person = self.people.get(user)
        if person is not None:
            self.leaving.setdefault(user, until)
            if person.attempt:
                self._awaited.add(user)

    def overdue(self, now: float) -> list[Change]:
        """Return the leaves that are to be told; asked now and then, each comes once."""
        due = [user for user, until in self.leaving.items() if until <= now]
        for user in due:
            self._stay(user)
        return [self._gone_change(user) for user in due]

    def held_by(self, relay: str) -> list[Change]:
        """Return the leaves of all whose connections a relay has that is gone."""
        return [
            self._gone_change(user) for user, each in self.people.items() if each.relay == relay
        ]

    def begin(self) -> None:
        """Forget who is here: everybody who is will be told again."""
        self.people.clear()
        self.leaving.clear()
        self._awaited.clear()
        self._gone.clear()
        self._json = None

    def expire(self, before: float) -> None:
        """Forget the sessions that ended before this time."""
        while self._gone and next(iter(self._gone.values()))[1] < before:
            del self._gone[next(iter(self._gone))]

    def _gone_change(self, user: UserName) -> Change:
        session, attempt, _ = self.people[user]
        return Change(user, session, attempt, is_join=False)

    def _join(self, change: Change, now: float, relay: str) -> bool:
        """Take a join; not one that is older than what its session has done since.

        Nor one whose name somebody has taken meanwhile, at another relay: within one, who comes has
        been asked for.
        """
        user, session, attempt, _, over = change
        before = self.people.get(user)
        if before is not None and before.session != session and before.relay != relay:  # noqa: SIM102
            if over not in (before.session, ANYBODY):
                return False
        if attempt:
            latest = before.attempt if before and before.session == session else 0
            if attempt <= max(latest, self._gone.get(session, (0, 0.0))[0]):
                return False
        if before is not None and before.session != session:
            self._remember(before, now)
        self._gone.pop(session, None)
        self._stay(user)
        self.people[user] = Person(session, attempt, relay)
        return True

    def _leave(self, change: Change, now: float) -> bool:
        user, session, attempt, _, _ = change
        person = self.people.get(user)
        if person is None or person[:2] != (session, attempt):
            return False  # it has come back meanwhile
        self._remember(self.people.pop(user), now)
        self._stay(user)
        return True

    def _stay(self, user: UserName) -> None:
        """It is waited for no longer: it has come back, or is gone."""
        self.leaving.pop(user, None)
        self._awaited.discard(user)

    def _remember(self, person: Person, now: float) -> None:
        """A connection of this session may still be on its way, and come late."""
        if person.attempt:
            self._gone.pop(person.session, None)
            self._gone[person.session] = person.attempt, now
            while len(self._gone) > REMEMBERED:
                del self._gone[next(iter(self._gone))]

    def _tell(self, told: list[bytes]) -> bytes:
        """Return the notes about what has changed, which are not told in large rooms."""
        if self.is_told and self.count <= MOST:
            return b"".join(told)
        if self.is_told or self.count <= FEW:
            self.is_told = not self.is_told
            self._json = None
            return self.note()
        return b""
