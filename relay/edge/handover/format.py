"""State as messages: sessions, entries and rooms to JSON with raw bytes behind it, and back.

Formats are numbered. A relay reads the one it writes and the one before, so that going back to the
release before is a handover too. `docs/handover.md` describes the current one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from relay.account import Account
from relay.member.ending import Ending
from relay.member.inbox_state import InboxState
from relay.member.intake import IntakeState
from relay.member.liveness import Liveness
from relay.member.options import Options
from relay.member.outbox_state import OutboxState
from relay.member.session_state import SessionState
from relay.names import RoomName, UserName
from relay.room.batch import Author, Batch, Change, SessionId, Span
from relay.room.congestion import Flow
from relay.room.log import Entry, LogState
from relay.room.presence import PresenceState
from relay.room.state import DeliveryState, DispatchState, RoomState
from relay.wire.closing import Close, Reason

FORMAT: Final = 3
READABLE: Final = (3, 2)
MESSAGE: Final = 4 * 1024**2  # bytes of entries, or of unfinished messages, that are told at once

Record = dict[str, Any]
Entries = Sequence[Entry]
"""Every entry that a log, a backlog or a delivery refers to, in the order of `Numbers`."""


class Numbers:
    """Numbers entries from 0, in the order in which they are told.

    Offsets would not do: a room that was forgotten and opened again begins with them anew, while
    one who is leaving still takes a backlog of the room before.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[int, Entry]] = {}  # by the identity of the batch

    def __contains__(self, entry: Entry) -> bool:
        return id(entry.batch) in self._numbers

    def add(self, entry: Entry) -> None:
        """Give an entry that is told now the next number."""
        self._numbers[id(entry.batch)] = len(self._numbers), entry  # keeps it, and so its identity

    def of(self, entries: Iterable[Entry]) -> list[int]:
        """Return the numbers of entries that have been told."""
        return [self._numbers[id(entry.batch)][0] for entry in entries]


class BlobWriter:
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


class BlobReader:
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


def pack_entry(entry: Entry, writer: BlobWriter) -> list[Any]:
    """Return an entry as a list."""
    batch = entry.batch
    spans = [(*author, *rest) for author, *rest in batch.spans]
    sizes = writer.put(batch.data), writer.put(batch.notes)
    place = entry.offset, entry.at, batch.relay, batch.number
    changes = [change[:4] for change in batch.changes]  # its log has decided about the rest
    return [*place, sizes[0], spans, changes, sizes[1]]


def read_entry(record: Sequence[Any], reader: BlobReader, account: Account) -> Entry:
    """Return the entry; raise `ValueError` for a record that is none."""
    offset, at, relay, number, size, spans, changes, notes_size = record
    batch = Batch(
        reader.bytes(size),
        tuple(Span(Author(user, SessionId(session)), *rest) for user, session, *rest in spans),
        relay,
        number,
        account,
        tuple(Change(*change) for change in changes),
    )
    if notes_size:
        batch.tell(reader.bytes(notes_size))
    return Entry(offset, at, batch)


def pack_session(state: SessionState, writer: BlobWriter, numbers: Numbers) -> Record:
    """Return a session as a record; entries are told by their numbers."""
    inbox, outbox = state.inbox, state.outbox
    sending = outbox.sending
    private = sending if isinstance(sending, bytes) else None
    return {
        "id": state.id,
        "options": state.options.as_values(),
        "liveness": asdict(state.liveness),
        "inbox": {
            "published": inbox.published,
            "uncredited": inbox.uncredited,
            "held": inbox.held,
            "begun": inbox.begun,
            "unfinished": writer.put(inbox.unfinished),
            "is_closed": inbox.is_closed,
            "close_code": inbox.close_code,
            "discards": inbox.discards,
            "parses": inbox.parses,
            "is_welcome": inbox.is_welcome,
            "awaits_data": inbox.awaits_data,
        },
        "outbox": {
            "queue": numbers.of(outbox.queue),
            "history": outbox.history,
            "skip": outbox.skip,
            "sending": None if isinstance(sending, bytes) else numbers.of(sending),
            "private": writer.put(private),
            "sending_skip": outbox.sending_skip,
            "unsent": outbox.unsent,
            "control": writer.put(outbox.control),
            "last": writer.put(outbox.last),
            "is_open": outbox.is_open,
            "taken": outbox.taken,
            "left_out": outbox.left_out,
        },
        "intake": {"rest": writer.put(state.intake.rest), "due": state.intake.due},
        "fresh_token": state.fresh_token,
    }


def read_session(record: Record, reader: BlobReader, entries: Entries) -> SessionState:
    """Return the session; raise `ValueError` or `LookupError` for a record that is none."""
    inbox, outbox, options = record["inbox"], record["outbox"], record["options"]

    def find(numbers: Sequence[int]) -> tuple[Entry, ...]:
        return tuple(entries[number] for number in numbers)

    unfinished = reader.bytes(inbox.pop("unfinished"))
    queue, sending = find(outbox.pop("queue")), outbox.pop("sending")
    private = reader.take(outbox.pop("private"))
    control, final = reader.bytes(outbox.pop("control")), reader.take(outbox.pop("last"))
    intake = record["intake"]
    left_out = tuple(map(tuple, outbox.pop("left_out")))
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
            left_out=left_out,
            **outbox,
        ),
        IntakeState(reader.bytes(intake["rest"]), tuple(intake["due"])),
        fresh_token=record.get("fresh_token", ""),  # format 2 has none
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


def pack_room(state: RoomState, numbers: Numbers) -> Record:
    """Return a room as a record; entries are told by their numbers."""
    return {
        "name": state.name,
        "number": state.number,
        "epoch": state.log.epoch,
        "head": state.log.head,
        "trimmed": state.log.trimmed,
        "entries": numbers.of(state.log.entries),
        "congestion": state.dispatch.congestion.value,
        "patience": state.dispatch.patience,
        "held": state.dispatch.held,
        "deliveries": [
            (*numbers.of([delivery.entry]), delivery.due, delivery.credits, delivery.has_begun)
            for delivery in state.dispatch.deliveries
        ],
        "presence": _pack_presence(state.presence),
    }


def read_room(record: Record, entries: Entries) -> RoomState:
    """Return the room; raise `ValueError` or `LookupError` for a record that is none."""
    name = RoomName(record["name"])
    held = tuple(entries[number] for number in record["entries"])
    return RoomState(
        name,
        record["number"],
        LogState(record["epoch"], record["head"], held, record["trimmed"]),
        DispatchState(
            Flow(record["congestion"]),
            tuple(record["patience"]),
            tuple(record["held"]),
            tuple(
                DeliveryState(
                    entries[number],
                    tuple(due),
                    tuple((UserName(user), size) for user, size in credits),
                    has_begun,
                )
                for number, due, credits, has_begun in record["deliveries"]
            ),
        ),
        _read_presence(record["presence"]),
    )


def _pack_presence(state: PresenceState) -> Record:
    # Not by `asdict`, which copies each tuple: there may be thousands, and nobody is served now.
    lists = {"people": state.people, "leaving": state.leaving, "gone": state.gone}
    return {**lists, "is_told": state.is_told}


def _read_presence(record: Record) -> PresenceState:
    lists = {name: tuple(map(tuple, record[name])) for name in ("people", "leaving", "gone")}
    return PresenceState(**lists, is_told=record["is_told"])
