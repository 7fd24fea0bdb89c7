"""The connection that a session has, as the session sees it."""

from typing import Protocol


class Owner(Protocol):
    """It has the session's socket, and closes it when the session has ended."""

    def begin_close(self) -> None:
        """The session has begun to leave: `Session.ending` says how, and until when."""

    def end_when_sent(self) -> None:
        """The session has left and said why: close the socket once the client has everything."""

    def abort(self) -> None:
        """Close the socket at once, whatever the client has."""

    def renew(self, token: str) -> None:
        """Check a fresh token of the client: the session goes on with it, or is closed."""

    def acknowledged(self) -> int:
        """Return how many bytes the client's side has acknowledged."""
