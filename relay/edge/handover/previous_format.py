"""What a successor is told that reads the format before this one only: format 2.

It is told all of an unfinished message with its session, and of no token that is being checked.
"""

from typing import Any

Record = dict[str, Any]


def of_session(record: Record) -> Record:
    """Return the record of a session, of whose message nothing was told before."""
    session = {name: value for name, value in record.items() if name != "fresh_token"}
    inbox = {name: value for name, value in record["inbox"].items() if name != "begun"}
    return {**session, "inbox": inbox}
