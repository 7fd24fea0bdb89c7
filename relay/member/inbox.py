"""What one client sends: parsed, checked, published, and slowed where it runs ahead."""

import asyncio
from enum import IntFlag
from typing import Final

from relay.edge.roster import Roster
from relay.member.outbox import Outbox
from relay.room.batch import MAX_BATCH, Run
from relay.room.room import Member, Room
from relay.wire import frames
from relay.wire.closing import Close, Reason
from relay.wire.frames import encode, text_problem
from relay.wire.parser import BINARY, CLOSE, PING, TEXT, Message, Parser

_MASK: Final = 4  # bytes that a client's frame has more than ours (RFC 6455 §5.3)
_CONTROL: Final = 6  # bytes of a client's control frame beside its payload


class Hold(IntFlag):
    """Why a client is not read."""

    ROOM = 1  # its room waits for its receivers
    BUFFER = 2  # it has sent more than READ_BUFFER_SIZE that is not relayed yet


class Inbox:
    """Reads for one member of a room.

    `held` says why the transport is not read, `heard` when it was last heard (seconds of the event
    loop's clock), `unfinished` how many bytes it has sent of a message that has not ended.
    """

    __slots__ = (
        "_buffer_size",
        "_loop",
        "_member",
        "_outbox",
        "_parser",
        "_room",
        "_roster",
        "_taken",
        "_transport",
        "heard",
        "held",
        "is_closed",
        "is_deaf",
        "unfinished",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        member: Member,
        room: Room,
        outbox: Outbox,
        roster: Roster,
        loop: asyncio.AbstractEventLoop,
        *,
        message_size: int,
        buffer_size: int,
    ) -> None:
        self.heard = loop.time()
        self.held = Hold(0)
        self.unfinished = 0
        self.is_closed = False  # the client's close frame has come
        self.is_deaf = False  # all but that close frame is discarded
        self._transport = transport
        self._member = member
        self._room = room
        self._outbox = outbox
        self._roster = roster
        self._loop = loop
        self._parser: Parser | None = Parser(message_size, loop)
        self._buffer_size = buffer_size
        self._taken = 0  # bytes of frames that are published and not relayed yet

    def feed(self, data: bytes) -> Close | None:
        """Publish the messages that end in `data`; return why to close the client, or None."""
        self.heard = self._loop.time()
        parser = self._parser
        if parser is None:
            return None
        messages = parser.feed(data)
        if self.is_deaf:
            self.is_closed |= any(kind is CLOSE for kind, _, _ in messages)
            return parser.error
        return self._take(messages, len(data)) or parser.error

    def hold(self, why: Hold) -> None:
        """Read no more."""
        self.held |= why
        self._transport.pause_reading()

    def release(self, why: Hold) -> None:
        """Read on, unless there is another reason not to."""
        if self.held:
            self.held &= ~why
            if not self.held:
                self.heard = self._loop.time()  # its silence was ours
                self._transport.resume_reading()

    def relayed(self, size: int) -> None:
        """So many bytes of frames have reached their receivers."""
        self._taken -= size
        if self.held & Hold.BUFFER and self._taken * 2 <= self._buffer_size:
            self.release(Hold.BUFFER)

    def deafen(self) -> None:
        """From now on look for the close frame only, and read whatever it takes to find it."""
        self.is_deaf = True
        self.release(Hold.ROOM | Hold.BUFFER)
        self._count_unfinished(-self.unfinished)

    def discard(self) -> None:
        """Drop what has not ended, and parse no more."""
        self._parser = None
        self._count_unfinished(-self.unfinished)

    def _take(self, messages: list[Message], size: int) -> Close | None:
        batch: list[bytes] = []
        batch_size = taken = 0  # bytes; `taken` is of what came, headers and masks included
        ping: bytes | None = None
        problem = None
        for kind, payload, _ in messages:
            if kind is BINARY:
                frame = encode(frames.BINARY, payload)
            elif kind is TEXT:
                reason = text_problem(payload)
                if reason is not None:
                    problem = reason.close()
                    break
                frame = encode(frames.TEXT, payload)
            elif kind is CLOSE:
                self.is_closed = self.is_deaf = True
                break
            else:
                taken += _CONTROL + len(payload)
                if kind is PING:
                    ping = payload
                continue
            if batch and batch_size + len(frame) > MAX_BATCH:
                self._publish(batch)
                taken += batch_size + _MASK * len(batch)
                batch, batch_size = [], 0
            batch.append(frame)
            batch_size += len(frame)
        if ping is not None:  # only the latest needs an answer (RFC 6455 §5.5.3)
            self._outbox.pong(encode(frames.PONG, ping))
        left = self.unfinished + size - taken
        if batch:
            self._publish(batch)
            # Behind a message that has ended there is only what came with its end.
            left = min(max(0, left - batch_size - _MASK * len(batch)), size)
        if left != self.unfinished:
            self._count_unfinished(left - self.unfinished)
        return problem

    def _publish(self, batch: list[bytes]) -> None:
        data = b"".join(batch)
        self._taken += len(data)
        self._room.publish(Run(self._member, data, len(batch)))
        if self._taken > self._buffer_size:
            self.hold(Hold.BUFFER)

    def _count_unfinished(self, size: int) -> None:
        """Count what the parser keeps; it is bounded for all clients together (rule 5)."""
        self.unfinished += size
        self._roster.unfinished += size
        heaviest = self._roster.heaviest()
        if heaviest is not None:
            heaviest.close(Reason.OVERLOADED.close(), 0)
