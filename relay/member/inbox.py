"""What one client sends: checked, published, and slowed where it runs ahead of its room.

It decides and does no I/O: the stream reads or does not, the room takes what is published.
"""

from typing import Final

from relay.account import Account
from relay.member.inbox_state import Hold, InboxState
from relay.member.outbox import Outbox
from relay.member.pace import Pace
from relay.member.stream import Source
from relay.room.batch import MAX_BATCH, Author, Piece
from relay.room.member import Publisher
from relay.room.room import Room
from relay.wire import frames
from relay.wire.boundary import LEAST_HEAD, BadFrame, Boundary
from relay.wire.closing import Close, Reason, may_be_sent
from relay.wire.frames import encode, is_utf8
from relay.wire.notes import MARK
from relay.wire.parser import BINARY, CLOSE, PING, TEXT, Message, Parser

_BAD_CODE: Final = "close frame has a code that must not be sent"
_MASK: Final = 4  # bytes that a client's frame has more than ours (RFC 6455 §5.3)


class Inbox:
    """Reads for one member of a room.

    `held` says why the stream is not read, `published` how many messages were, `is_closed` whether
    the client's close frame has come, and `discards` whether only that is looked for.
    """

    __slots__ = (
        "_account",
        "_author",
        "_boundary",
        "_buffer_size",
        "_can_publish",
        "_outbox",
        "_parser",
        "_publisher",
        "_room",
        "_source",
        "_uncredited",
        "close_code",
        "discards",
        "held",
        "is_closed",
        "pace",
        "pieces",
        "published",
        "seen",
    )

    def __init__(
        self,
        source: Source,
        author: Author,
        publisher: Publisher,
        room: Room,
        outbox: Outbox,
        parser: Parser,
        account: Account,
        buffer_size: int,
        state: InboxState | None = None,
        *,
        can_publish: bool = True,
    ) -> None:
        self.published = 0
        self.pieces = 0  # reads that brought what is unfinished
        self.seen = 0  # messages, pings and pongs, by this object
        self.held = 0  # bits of `Hold`
        self.is_closed = False
        self.close_code = 0  # the client's own; 0: none
        self.discards = False
        self.pace: Pace | None = None  # of a message that had not ended at the last look
        self._source = source
        self._author = author
        self._publisher = publisher
        self._room = room
        self._outbox = outbox
        self._parser: Parser | None = parser
        self._boundary = Boundary()
        self._account = account
        self._buffer_size = buffer_size
        self._can_publish = can_publish
        self._uncredited = 0  # bytes of frames that are published and not delivered yet
        if state is not None:
            self._restore(state)

    def snapshot(self, begun: int = 0) -> InboxState:
        """Return its state, without so many bytes of the message that has not ended."""
        return InboxState(
            self.published,
            self._uncredited,
            self.held & ~Hold.HANDOVER,
            begun,
            self._boundary.kept(begun),
            self.is_closed,
            self.close_code,
            self.discards,
            self._parser is not None,
        )

    @property
    def unfinished(self) -> int:
        """Bytes of a message that has not ended."""
        return self._boundary.size

    @property
    def message(self) -> int:
        """The number of the message that has not ended: another one, another message."""
        return self._boundary.number

    def part(self, start: int, most: int) -> bytes:
        """Return what has come of that message from `start` on, at most so many bytes."""
        return self._boundary.kept(start, most)

    def recall(self, data: bytes) -> None:
        """Read on in a message for another process, which has dealt with what that yields."""
        assert self._parser is not None
        self._parser.feed(data)
        self._follow(data, 0)

    def go_on_from(self, other: "Inbox", data: bytes) -> None:
        """Go on in the message that `other` has recalled, and which it gives away; then `data`."""
        if self._parser is None:
            other.stop()
            return
        self._parser, other._parser = other._parser, None
        self._boundary, other._boundary = other._boundary, Boundary()
        self.pieces, other.pieces = other.pieces, 0
        if data:
            self.recall(data)

    @property
    def is_plain(self) -> bool:
        """Whether it is read, and nothing waits to be relayed: all but `unfinished` is at rest."""
        waits = self._uncredited or self.held & ~Hold.HANDOVER or self.discards
        return not waits and self._parser is not None

    def feed(self, data: bytes) -> Close | None:
        """Publish the messages that end in `data`; return why to close the client, or None."""
        parser = self._parser
        if parser is None:
            return None
        messages = parser.feed(data)
        self.seen += len(messages)
        if self.discards:
            self.is_closed |= any(kind is CLOSE for kind, _, _ in messages)
            return self._follow(data, 0) or parser.error
        return self._take(messages, data) or parser.error

    def comes_on(self, now: float, *, is_read: bool) -> bool:
        """Whether the message under way is coming; always between two, and while nobody reads."""
        if not self.unfinished or not is_read:
            self.pace = None
            return True
        if self.pace is None:
            self.pace = Pace(now, self.published, self.unfinished)
        return self.pace.is_met(now, self.published, self.unfinished)

    def cut(self, data: bytes, frames: int) -> int:
        """Return where the first `frames` frames end in `data`, which comes next; or its size."""
        return self._boundary.cut(data, frames)

    def hold(self, why: int) -> None:
        """Read no more."""
        self.held |= why
        self._source.pause_reading()

    def release(self, why: int) -> bool:
        """Read on, unless there is another reason not to; return whether that changes anything."""
        if not self.held:
            return False
        self.held &= ~why
        if self.held:
            return False
        self._source.resume_reading()
        return True

    def credit(self, size: int) -> bool:
        """So many bytes of frames have reached their receivers; return whether reading goes on."""
        self._uncredited -= size
        if not self.held or self._uncredited * 2 > self._buffer_size:
            return False
        return self.release(Hold.BUFFER)

    def allow(self, can_publish: bool) -> None:
        """From now on the client may publish, or may not."""
        self._can_publish = can_publish

    def await_close(self) -> None:
        """From now on look for the close frame only, and read whatever it takes to find it."""
        self.discards = True
        self.release(Hold.ROOM | Hold.BUFFER)

    def stop(self) -> None:
        """Drop what has not ended, and parse no more."""
        self._parser = None
        self._account.unfinished -= self._boundary.size
        self._account.pieces -= self.pieces
        self.pieces = 0
        self._boundary = Boundary()

    def _take(self, messages: list[Message], data: bytes) -> Close | None:
        if not self._can_publish and any(kind in (BINARY, TEXT) for kind, _, _ in messages):
            return Reason.NOT_ALLOWED.close()
        batch: list[bytes] = []
        pongs: list[bytes] = []
        has_marked = False  # text that begins with U+0000 is among them
        whole = 0  # bytes that the frames of these messages took at least
        for kind, payload, _ in messages:
            if kind is BINARY:
                frame = encode(frames.BINARY, payload)
            elif kind is TEXT:
                if not is_utf8(payload):
                    self._publish(batch, has_marked)
                    return self._follow(data, 0) or Reason.INVALID_TEXT.close()
                if payload[:1] == MARK:
                    has_marked = True
                frame = encode(frames.TEXT, payload)
            elif kind is CLOSE:
                if not may_be_sent(payload):
                    self._publish(batch, has_marked)
                    return Reason.BROKEN_FRAME.close(problem=_BAD_CODE)
                self.is_closed = self.discards = True
                self.close_code = payload
                self._publish(batch, has_marked)
                return None
            else:
                whole += LEAST_HEAD + len(payload)
                if kind is PING:
                    pongs.append(encode(frames.PONG, payload))
                continue
            batch.append(frame)
            whole += len(frame) + _MASK
        problem = self._follow(data, whole)
        if problem is None:
            if pongs:
                self._outbox.control(pongs)
            self._publish(batch, has_marked)
        return problem

    def _follow(self, data: bytes, whole: int) -> Close | None:
        """Note where the last message ended, and count what came behind it (rule 5)."""
        try:
            change = self._boundary.feed(data, whole)
        except BadFrame as error:
            return Reason.BROKEN_FRAME.close(problem=str(error))
        if change:
            pieces = self.pieces + 1 if self._boundary.size else 0
            self._account.unfinished += change
            self._account.pieces += pieces - self.pieces
            self.pieces = pieces
        return None

    def _publish(self, batch: list[bytes], has_marked: bool) -> None:
        """Publish these frames together, or in pieces that a batch can hold."""
        if not batch:
            return
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        if len(data) > MAX_BATCH and len(batch) > 1:
            middle = len(batch) // 2
            self._publish(batch[:middle], has_marked)
            self._publish(batch[middle:], has_marked)
            return
        first = self.published + 1
        self.published += len(batch)
        self._uncredited += len(data)
        piece = Piece(self._author, first, data, len(batch), has_marked)
        self._room.publish(piece, self._publisher)
        if self._uncredited > self._buffer_size:
            self.hold(Hold.BUFFER)

    def _restore(self, state: InboxState) -> None:
        self.published = state.published
        self.is_closed, self.close_code = state.is_closed, state.close_code
        self.discards = state.discards
        self._uncredited = state.uncredited
        if state.unfinished and not state.begun:
            self.recall(state.unfinished)
        if not state.parses:
            self.stop()
        if state.held:
            self.hold(state.held)
