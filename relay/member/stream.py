"""The byte stream to and from one client, as a member may use it."""

from typing import Protocol


class Source(Protocol):
    """What can be read, or not for a while."""

    def pause_reading(self) -> None:
        """Read nothing more for now."""

    def resume_reading(self) -> None:
        """Read on."""


class Stream(Source, Protocol):
    """A part of what asyncio's transports offer."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or hold what the kernel does not take; then the outbox is told by `block`."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are held."""

    def is_closing(self) -> bool:
        """Whether nothing more will be sent."""
