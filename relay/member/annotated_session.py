"""The session of an annotated client: it is welcomed, told of its room, and may resume."""

from collections.abc import Callable
from functools import partial

from relay.member.annotated_inbox import AnnotatedInbox
from relay.member.annotated_outbox import AnnotatedOutbox
from relay.member.inbox import Inbox
from relay.member.outbox_state import OutboxState
from relay.member.owner import Owner
from relay.member.session import Session
from relay.member.session_state import SessionState
from relay.member.stream import Stream
from relay.member.terms import Terms
from relay.room.resume import Welcome
from relay.room.room import Room
from relay.wire import notes
from relay.wire.closing import Reason


class AnnotatedSession(Session):
    """A session whose client understands notes."""

    __slots__ = ()
    inbox: AnnotatedInbox
    outbox: AnnotatedOutbox

    def welcome(self, welcome: Welcome) -> None:
        place, resume = welcome.place, self.options.resume
        assert resume is not None
        behind = place.entries[0].batch.count_without(self.excluded)[0] if place.entries else 0
        if place.skip > behind:
            self.close(Reason.BAD_SKIP.close(skip=place.skip, messages=behind))
            return
        frame = notes.welcome(
            self.user,
            self.room.name,
            resume.session,
            cursor=place.cursor.text(),
            received=place.received,
            gap=place.gap,
            members=welcome.members if self.receives else notes.json_of(None),
            count=welcome.count,
        )
        self.inbox.admit(resume.acked if place.received is None else place.received)
        entries, skip = (place.entries, place.skip) if self.receives else ((), 0)
        self.outbox.greet(frame, entries, skip)

    def tell(self, note: bytes) -> None:
        if self.inbox.is_welcome:
            self.outbox.control([note])

    def _new_outbox(self, stream: Stream, state: OutboxState) -> AnnotatedOutbox:
        options = self.options
        return AnnotatedOutbox(
            stream,
            self.id,
            self._terms.write_buffer_size,
            self._terms.account,
            self.room,
            echo=options.echo,
            skips=options.skips,
            receives=self.receives,
            state=state,
        )

    def _inbox_type(self) -> Callable[..., Inbox]:
        resume = self.options.resume
        assert resume is not None
        return partial(
            AnnotatedInbox,
            attempt=resume.attempt,
            clock=self._terms.clock,
            renew=self.owner.renew,
        )


def new_session(
    state: SessionState, room: Room, stream: Stream, owner: Owner, terms: Terms
) -> Session:
    """Return a session in this state, of a raw client or an annotated one."""
    kind = Session if state.options.resume is None else AnnotatedSession
    return kind(state, room, stream, owner, terms)
