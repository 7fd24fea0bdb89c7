"""What one client is being sent: whole entries, or bytes of no entry, and how much is left of it.

What others are sent too is shared until its end. What is put together for this client alone counts
while the stream holds it; what is left of it is not kept, but put together again.
"""

from collections.abc import Callable, Sequence
from typing import Final

from relay.account import Account
from relay.room.log import Entry

CHUNK: Final = 256 * 1024  # bytes handed to the transport at once
COPY: Final = 48 * 1024  # bytes of that if they are put together for this client alone
_COPIES: Final = 16 * 1024**2  # bytes of copies that all sockets may hold before that counts

Join = Callable[[Sequence[Entry], int], bytes]
"""Puts entries together for this client, without so many messages of the first."""


class Sending:
    """`left` is how many bytes of `what` the stream has not been given.

    `skipped` messages of its first entry are left out. `is_copy` tells whether it is put together
    for this client alone.
    """

    __slots__ = ("_account", "_rest", "_size", "held", "is_copy", "left", "skipped", "what")

    def __init__(self, account: Account) -> None:
        self.what: tuple[Entry, ...] | bytes = ()  # known only while something is left of it
        self.skipped = 0
        self.left = 0
        self.is_copy = False
        self._account = account
        self.held = 0  # bytes of a copy that the stream has not taken
        self._rest: memoryview | None = None  # None: to be put together again
        self._size = 0  # bytes of all of it

    @property
    def most(self) -> int:
        """Bytes of a copy that may be handed to the stream at once."""
        return CHUNK if self._account.copies < _COPIES else COPY

    def begin(self, what: tuple[Entry, ...] | bytes, skipped: int, data: bytes) -> None:
        """`data` comes next, which is made of this; it is a copy unless somebody knows better."""
        self.what, self.skipped, self.left, self.is_copy = what, skipped, len(data), True
        self._rest, self._size = memoryview(data), len(data)

    def note(self, entry: Entry, size: int, *, is_copy: bool) -> None:
        """The stream was given all of it, and has not taken all of that."""
        self.what, self.skipped, self.left, self.is_copy = (entry,), 0, 0, is_copy
        self._size = size
        self.wait(size)

    def restore(self, what: tuple[Entry, ...] | bytes, skipped: int, left: int) -> None:
        """Go on where another stood."""
        self.what, self.skipped, self.left, self.is_copy = what, skipped, left, True

    def append(self, data: bytes) -> None:
        """Send more behind bytes of no entry."""
        assert isinstance(self.what, bytes)
        self.what += data
        self.left += len(data)
        self._rest = None

    def take(self, join: Join) -> bytes | memoryview:
        """Return the next chunk."""
        rest = self._rest
        if rest is None:
            whole = self.what if isinstance(self.what, bytes) else join(self.what, self.skipped)
            self._size = len(whole)
            rest = memoryview(whole)[self._size - self.left :]
        most = self.most if self.is_copy else CHUNK
        chunk = rest[:most]
        self.left -= len(chunk)
        self._rest = rest[most:] if self.left else None
        return bytes(chunk) if self.is_copy else chunk  # of a view the transport keeps all

    def wait(self, size: int) -> None:
        """The stream has not taken all of the last so many bytes, and takes nothing for now.

        A large copy is one message of this client, with notes: to put it together for each chunk
        would take long.
        """
        if self.is_copy and self._size > CHUNK:
            self._hold(self._size)
        elif self.is_copy:
            self._rest = None
            self._hold(size)

    def go_on(self) -> None:
        """The stream has taken all that it was given."""
        self._hold(0)

    def end(self) -> None:
        """Nothing is being sent."""
        self.what, self.skipped, self.left, self._rest = (), 0, 0, None
        self._hold(0)

    def _hold(self, size: int) -> None:
        self._account.copies += size - self.held
        self.held = size
