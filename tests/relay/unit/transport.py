"""A transport that takes what it is told to take."""

import asyncio
from typing import Any, Protocol


class Blocked(Protocol):
    """Whoever writes to it, and is told when it holds something and when it holds nothing."""

    def block(self) -> None: ...

    def unblock(self) -> None: ...


class Transport(asyncio.Transport):
    """Takes `room` bytes, then blocks until it is given more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.taken = b""
        self.held = b""
        self.reads = True
        self.writer: Blocked | None = None
        self.protocol: Any = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        assert data
        assert not self.held, "the transport must not hold the backlog"
        self.held = bytes(data)
        self._take()
        if self.held:
            if self.protocol is not None:
                self.protocol.pause_writing()
            else:
                assert self.writer is not None
                self.writer.block()

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def give(self, room: int) -> None:
        """Take so many bytes more."""
        self.room += room
        blocked = bool(self.held)
        self._take()
        if blocked and not self.held:
            if self.protocol is not None:
                self.protocol.resume_writing()
            else:
                assert self.writer is not None
                self.writer.unblock()

    def _take(self) -> None:
        size = min(self.room, len(self.held))
        self.taken += self.held[:size]
        self.held = self.held[size:]
        self.room -= size
