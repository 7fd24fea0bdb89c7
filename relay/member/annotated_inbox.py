"""What an annotated client sends: notes to the relay, and messages like any other's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from relay.member.inbox import Inbox
from relay.member.inbox_state import InboxState
from relay.wire import notes
from relay.wire.closing import Close, Reason
from relay.wire.notes import MARK, NOTE_RATE, BadNote, Data, Token
from relay.wire.parser import BINARY, CLOSE, TEXT, Message


class AnnotatedInbox(Inbox):
    """An inbox that takes the notes out; `published` goes on from what the log holds.

    `renew` is told a fresh token. Nothing may come before the client has been welcomed.
    """

    __slots__ = ("_attempt", "_awaits_data", "_clock", "_noted", "_renew", "_second", "is_welcome")

    def __init__(
        self,
        *given: Any,
        attempt: int,
        clock: Callable[[], float],
        renew: Callable[[str], None],
        **options: Any,
    ) -> None:
        self.is_welcome = False
        self._awaits_data = False
        self._attempt = attempt
        self._clock = clock
        self._renew = renew
        self._second = 0  # of the clock, in which so many notes came
        self._noted = 0
        super().__init__(*given, **options)

    def snapshot(self, begun: int = 0) -> InboxState:
        return replace(
            super().snapshot(begun), is_welcome=self.is_welcome, awaits_data=self._awaits_data
        )

    @property
    def is_plain(self) -> bool:
        return super().is_plain and self.is_welcome and not self._awaits_data

    def admit(self, received: int) -> None:
        """The client is welcome; its next message has the number behind `received`."""
        self.published = received
        self.is_welcome = True

    def _take(self, messages: list[Message], data: bytes) -> Close | None:
        kept: list[Message] = []
        problem: Close | None = None
        for message in messages:
            kind, payload, _ = message
            if kind is TEXT or kind is BINARY:
                if not self.is_welcome:
                    problem = Reason.TOO_EARLY.close()
                    break
                if self._awaits_data:
                    self._awaits_data = False
                elif kind is TEXT and payload[:1] == MARK:
                    problem = self._take_note(payload)
                    if problem is not None:
                        break
                    continue
            kept.append(message)
            if kind is CLOSE:
                break
        return super()._take(kept, data) or problem

    def _take_note(self, payload: bytes) -> Close | None:
        try:
            note = notes.parse(payload)
            if isinstance(note, Data):
                self._awaits_data = True
                return None
            self._count()
        except BadNote as error:
            return Reason.BAD_NOTE.close(problem=error)
        if isinstance(note, Token):
            self._renew(note.token)
        else:
            self._outbox.control([notes.PONG])
        return None

    def _count(self) -> None:
        second = int(self._clock())
        if second != self._second:
            self._second, self._noted = second, 0
        self._noted += 1
        if self._noted > NOTE_RATE:
            raise BadNote(f"more than {NOTE_RATE} in a second")

    def _publish(self, batch: list[bytes], has_marked: bool) -> None:
        # Nothing behind the join of another connection of this session, which sends it again.
        if self._room.may_speak(self._author, self._attempt):
            super()._publish(batch, has_marked)

    def _restore(self, state: InboxState) -> None:
        self.is_welcome, self._awaits_data = state.is_welcome, state.awaits_data
        super()._restore(state)
