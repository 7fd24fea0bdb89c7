"""What a successor has been told of messages that have not ended.

That can be a third of all memory. So it goes ahead, while this relay serves, and only what has come
since then is told with the state of its session.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from relay.edge.connection import Connection
from relay.edge.handover.format import MESSAGE, BlobWriter


class ToldMessages:
    """Of each connection: which message, and how much of it has been told."""

    def __init__(self) -> None:
        self._told: dict[Connection, tuple[int, int]] = {}  # number of the message; bytes

    def begun(self, connection: Connection) -> int:
        """Return how many bytes of its unfinished message have been told."""
        inbox = connection.session.inbox
        number, size = self._told.get(connection, (0, 0))
        return size if number == inbox.message and size <= inbox.unfinished else 0

    def left(self, connection: Connection) -> int:
        """Return how many bytes of it have not."""
        unfinished = connection.session.inbox.unfinished
        return unfinished - self.begun(connection) if unfinished else 0

    def rest(self, connection: Connection, number: int, writer: BlobWriter) -> tuple[int, int, int]:
        """Return the record of what is left of it, in the state as it is at the end."""
        begun, inbox = self.begun(connection), connection.session.inbox
        data = inbox.part(begun, inbox.unfinished)
        writer.put(data)
        return number, begun, len(data)

    def tell(self, connections: Iterable[tuple[Connection, int]]) -> Iterator[tuple[Any, bytes]]:
        """Yield messages that hold what is left now; the connections come with their numbers.

        It may go on to come, and messages may end, while one of these is sent.
        """
        writer, records, room = BlobWriter(), [], MESSAGE
        for connection, number in connections:
            inbox, left = connection.session.inbox, self.left(connection)
            while left > 0 and inbox.unfinished:
                begun = self.begun(connection)
                data = inbox.part(begun, min(left, room))
                if not data:
                    break
                self._told[connection] = inbox.message, begun + len(data)
                writer.put(data)
                records.append((number, begun, len(data)))
                left -= len(data)
                room -= len(data)
                if not room:
                    yield records, writer.data()
                    writer, records, room = BlobWriter(), [], MESSAGE
        if records:
            yield records, writer.data()
