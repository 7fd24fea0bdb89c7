"""State as messages: sessions, entries and rooms to JSON with raw bytes behind it, and back.

Formats are numbered. A relay reads the one it writes and the one before, so that going back to the
release before is a handover too. `docs/handover.md` describes the current one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from relay.account import Account
from relay.member.ending import Ending
from relay.member.inbox import InboxState
from relay.member.liveness import Liveness
from relay.member.outbox import OutboxState
from relay.member.session import Options, SessionState
from relay.names import RoomName, UserName
from relay.room.batch import Author, Batch, SessionId, Span
from relay.room.congestion import State
from relay.room.log import Entry, LogState
from relay.room.state import DeliveryState, DispatchState, RoomState
from relay.wire.closing import Close, Reason

FORMAT: Final = 1
READABLE: Final = (1,)

Record = dict[str, Any]
Entries = dict[tuple[RoomName, int], Entry]
"""Every entry that a log, a backlog or a delivery refers to, by room and offset."""


class Writer:
    """Collects the raw bytes behind a message; a record holds their sizes, in order."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def put(self, data: bytes | None) -> int | None:
        if data is None:
            return None
        self._pieces.append(data)
        return len(data)

    def data(self) -> bytes:
        return b"".join(self._pieces)


class Reader:
    """Gives the raw bytes back, in the order in which they were put."""

    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)

    def take(self, size: int | None) -> bytes | None:
        if size is None:
            return None
        if size > len(self._view):
            raise ValueError("a record refers to more bytes than there are")
        piece, self._view = bytes(self._view[:size]), self._view[size:]
        return piece

    def bytes(self, size: int | None) -> bytes:
        return self.take(size) or b""


def pack_entry(room: RoomName, entry: Entry, writer: Writer) -> list[Any]:
    """Return an entry of this room as a list."""
    batch = entry.batch
    spans = [
        (span.author.user, span.author.session, span.first, span.start, span.end, span.messages)
        for span in batch.spans
    ]
    size = writer.put(batch.data)
    return [room, entry.offset, entry.at, batch.relay, batch.number, size, spans]


def read_entry(record: Sequence[Any], reader: Reader, account: Account) -> tuple[RoomName, Entry]:
    """Return the name of the room, and the entry."""
    room, offset, at, relay, number, size, spans = record
    batch = Batch(
        reader.bytes(size),
        tuple(
            Span(Author(user, SessionId(session)), first, start, end, messages)
            for user, session, first, start, end, messages in spans
        ),
        relay,
        number,
        account,
    )
    return RoomName(room), Entry(offset, at, batch)


def pack_session(state: SessionState, writer: Writer) -> Record:
    """Return a session as a record; entries are told by their offsets in the room's log."""
    inbox, outbox = state.inbox, state.outbox
    sending = outbox.sending
    private = sending if isinstance(sending, bytes) else None
    return {
        "id": state.id,
        "options": asdict(state.options),
        "liveness": asdict(state.liveness),
        "inbox": {
            "published": inbox.published,
            "uncredited": inbox.uncredited,
            "held": inbox.held,
            "unfinished": writer.put(inbox.unfinished),
            "is_closed": inbox.is_closed,
            "close_code": inbox.close_code,
            "discards": inbox.discards,
            "parses": inbox.parses,
        },
        "outbox": {
            "queue": _offsets(outbox.queue),
            "history": outbox.history,
            "skip": outbox.skip,
            "sending": None if isinstance(sending, bytes) else _offsets(sending),
            "private": writer.put(private),
            "sending_skip": outbox.sending_skip,
            "unsent": outbox.unsent,
            "control": writer.put(outbox.control),
            "last": writer.put(outbox.last),
            "taken": outbox.taken,
        },
    }


def read_session(record: Record, reader: Reader, room: RoomName, entries: Entries) -> SessionState:
    """Return the session; raise `ValueError` or `KeyError` for a record that is none."""
    inbox, outbox, options = record["inbox"], record["outbox"], record["options"]

    def find(offsets: Sequence[int]) -> tuple[Entry, ...]:
        return tuple(entries[room, offset] for offset in offsets)

    unfinished = reader.bytes(inbox.pop("unfinished"))
    queue, sending = find(outbox.pop("queue")), outbox.pop("sending")
    private = reader.take(outbox.pop("private"))
    control, final = reader.bytes(outbox.pop("control")), reader.take(outbox.pop("last"))
    return SessionState(
        SessionId(record["id"]),
        Options.restored(options),
        Liveness(**record["liveness"]),
        InboxState(unfinished=unfinished, **inbox),
        OutboxState(
            queue=queue,
            sending=find(sending) if sending is not None else private or b"",
            control=control,
            last=final,
            **outbox,
        ),
    )


def pack_ending(ending: Ending | None) -> Record | None:
    if ending is None:
        return None
    close = ending.close
    return {
        "reason": close.reason.name,
        "text": close.text,
        "own_code": close.own_code,
        "deadline": ending.deadline,
        "reset_at": ending.reset_at,
    }


def read_ending(record: Record | None) -> Ending | None:
    if record is None:
        return None
    close = Close(Reason[record["reason"]], record["text"], record["own_code"])
    return Ending(close, record["deadline"], record["reset_at"])


def pack_room(state: RoomState) -> Record:
    """Return a room as a record; entries are told by their offsets."""
    return {
        "name": state.name,
        "number": state.number,
        "epoch": state.log.epoch,
        "head": state.log.head,
        "entries": _offsets(state.log.entries),
        "congestion": state.dispatch.congestion.value,
        "patience": state.dispatch.patience,
        "held": state.dispatch.held,
        "deliveries": [
            (delivery.entry.offset, delivery.due, delivery.credits, delivery.has_begun)
            for delivery in state.dispatch.deliveries
        ],
    }


def read_room(record: Record, entries: Entries) -> RoomState:
    """Return the room; raise `ValueError` or `KeyError` for a record that is none."""
    name = RoomName(record["name"])
    held = tuple(entries[name, offset] for offset in record["entries"])
    return RoomState(
        name,
        record["number"],
        LogState(record["epoch"], record["head"], held),
        DispatchState(
            State(record["congestion"]),
            tuple(record["patience"]),
            tuple(record["held"]),
            tuple(
                DeliveryState(
                    entries[name, offset],
                    tuple(due),
                    tuple((UserName(user), size) for user, size in credits),
                    has_begun,
                )
                for offset, due, credits, has_begun in record["deliveries"]
            ),
        ),
    )


def _offsets(entries: Iterable[Entry]) -> list[int]:
    return [entry.offset for entry in entries]
