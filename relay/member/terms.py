"""What holds for all sessions of a relay."""

from collections.abc import Callable
from dataclasses import dataclass

from relay.account import Account
from relay.room.hub import Hub
from relay.wire.parser import Parser


@dataclass(frozen=True, slots=True)
class Terms:
    """What every session is built with. Sizes are bytes; a rate of 0 is no limit."""

    message_size: int
    read_buffer_size: int
    write_buffer_size: int
    account: Account
    hub: Hub
    clock: Callable[[], float]  # seconds
    new_parser: Callable[[int], Parser]
    message_rate: int = 0  # messages a second
    byte_rate: int = 0  # bytes a second
