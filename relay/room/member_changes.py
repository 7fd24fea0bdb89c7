"""Joins and leaves of a room as its log returns them: names change hands at their place there."""

from typing import Final

from relay.names import UserName
from relay.room.appender import Appender
from relay.room.batch import Change, SessionId
from relay.room.dispatch import Dispatch
from relay.room.log import Entry
from relay.room.member import Member
from relay.room.membership import Membership, admit
from relay.room.pending import Newcomers
from relay.room.presence import Presence
from relay.room.settling import Settling
from relay.room.shared import Shared
from relay.wire.closing import Reason

_BEGINNING: Final = 15.0  # seconds in which relays tell again who is there


class MemberChanges:
    """Takes the changes that the log hands back, and lets members go."""

    __slots__ = (
        "_appender",
        "_begins_until",
        "_dispatch",
        "_presence",
        "_settling",
        "_shared",
        "_who",
    )

    def __init__(
        self,
        presence: Presence,
        who: Membership,
        appender: Appender,
        dispatch: Dispatch,
        settling: Settling,
        shared: Shared,
    ) -> None:
        self._presence = presence
        self._who = who
        self._appender = appender
        self._dispatch = dispatch
        self._settling = settling
        self._shared = shared
        self._begins_until = 0.0

    def begin(self) -> None:
        """Nobody is here, until it is told again: by this relay's members now."""
        self._begins_until = self._shared.clock() + _BEGINNING
        self._presence.begin()
        for member in self._who.members.values():
            self._appender.change(join_of(member, None), member)

    def take(self, entry: Entry, newcomers: Newcomers) -> None:
        """Let those in whose joins these are, and tell the others who has come and gone."""
        batch, presence = entry.batch, self._presence
        if self._appender.log.is_shared:  # all relays have to take the same
            now, relay = entry.at / 1000, batch.relay
            presence.expire(now - self._shared.session_age)
        else:
            now, relay = self._shared.clock(), ""
        taken, told = presence.apply(batch.changes, now, relay)
        if told and self._shared.clock() < self._begins_until:
            told = presence.note()  # who tells again that it is here has not come now
        listeners = self._who.listeners() if told else ()
        who = newcomers or (None,) * len(taken)  # nobody of this relay
        arrived: list[Member] = []
        for change, is_taken, member in zip(batch.changes, taken, who, strict=True):
            if member is None:
                if is_taken:  # by another relay, or this one's word that somebody has gone
                    self._take_from_others(change)
            elif self._who.stop_joining(member):
                if is_taken:
                    self._replace(change, self._who.put(member))
                    arrived.append(member)
                else:
                    self._turn_away(change, member)
            elif (holder := self._who.members.get(change.user)) is not member:
                if is_taken and holder is not None and holder.id == change.session:
                    self._replace(change, self._who.remove(change.user))
                self.begin_grace(change.user)  # it has left before it was there
            elif not is_taken:  # a raw one, which has been in its room since it came
                self._who.remove(change.user)
                self.let_go(member)
                self._turn_away(change, member)
        for member in arrived:
            if self._who.members.get(member.user) is member:  # and no later one of this entry
                admit(member, self._appender.log, entry.offset, presence)
        if told and listeners:
            batch.tell(told)
            self._dispatch.add(entry, listeners, ())

    def _take_from_others(self, change: Change) -> None:
        """What another relay has said of a name holds here, too."""
        member = self._who.members.get(change.user)
        if member is not None and (change.is_join or member.id == change.session):
            self._appender.drop(member.id)  # what it has published and has no place
        if change.is_join:
            self._replace(change, self._who.remove(change.user))
        elif member is not None and member.id == change.session:
            self._who.remove(change.user)
            self.let_go(member)
            member.dismiss(Reason.LOG_AWAY)

    def _turn_away(self, change: Change, member: Member) -> None:
        """A newcomer has come too late: by its attempt, or because another has its name."""
        person = self._presence.people.get(change.user)
        if person is None or person.session == change.session:
            member.dismiss(Reason.TAKEN_OVER)
        else:
            self._appender.drop(member.id)
            self._settling.limit(self._appender.pending.total)
            member.dismiss(Reason.NAME_IN_USE)

    def _replace(self, change: Change, before: Member | None) -> None:
        """Somebody has the name of this member now: it has to go, and may publish no more.

        What its session has pending, by whatever connection, is not counted in what the newcomer is
        told, which sends it again.
        """
        self._appender.drop(change.session)
        self._settling.limit(self._appender.pending.total)
        if before is not None:
            is_settling = before in self._settling
            self.let_go(before)
            before.dismiss(Reason.TAKEN_OVER)
            if is_settling:
                before.settled()

    def end_graces(self, now: float) -> None:
        """Take the leave of those who have not come back in time; `now` in seconds."""
        for change in self._presence.overdue(now):
            if not self._who.has(change.user):
                self._appender.change(change)
        if not self._presence.leaving:
            self._shared.in_grace.discard(self)

    def close(self) -> None:
        """The room is forgotten."""
        self._shared.in_grace.discard(self)

    def let_go(self, member: Member) -> None:
        """It is no longer one of the members."""
        self._settling.forget(member)
        self._dispatch.forget(member)
        self._dispatch.caught_up(member)

    def begin_grace(self, user: UserName) -> None:
        """Nobody has this name any more, unless somebody comes back within the grace period."""
        person = self._presence.people.get(user)
        is_ours = person is not None and person.relay in ("", self._shared.relay)
        if is_ours and not self._who.has(user):
            self._presence.begin_grace(user, self._shared.clock() + self._shared.leave_grace)
            self._shared.in_grace.add(self)


def join_of(member: Member, over: SessionId | None) -> Change:
    """Return the join of a member, which may take its name from the session `over`."""
    attempt = member.resume.attempt if member.resume else 0
    return Change(member.user, member.id, attempt, is_join=True, over=over)
