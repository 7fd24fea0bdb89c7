"""What a successor is told that reads the format before this one only: format 1.

It knows raw members, and no presence. Annotated members cannot move to it: they are asked to leave.
"""

from typing import Any

Record = dict[str, Any]


def of_options(options: Record) -> Record:
    return {name: value for name, value in options.items() if name != "resume"}


def of_entry(record: list[Any]) -> list[Any]:
    """Return the record of an entry that holds messages."""
    *place, spans, _, _ = record
    return [*place, [span[:6] for span in spans]]


def of_session(record: Record) -> Record:
    """Return the record of a raw session, of which all that has come is parsed."""
    inbox, outbox = dict(record["inbox"]), dict(record["outbox"])
    del inbox["is_welcome"], inbox["awaits_data"], outbox["left_out"]
    former = {name: value for name, value in record.items() if name != "intake"}
    return {**former, "options": of_options(record["options"]), "inbox": inbox, "outbox": outbox}


def of_room(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in ("presence", "trimmed")}
