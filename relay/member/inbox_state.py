"""What there is to know of an inbox, so that it can be moved."""

from dataclasses import dataclass
from typing import Final


class Hold:
    """Why a client is not read: bits of `Inbox.held`. Plain numbers: each batch asks for them."""

    ROOM: Final = 1  # its room waits for its receivers
    BUFFER: Final = 2  # it has sent more than READ_BUFFER_SIZE that is not relayed yet
    HANDOVER: Final = 4  # it sends faster than a successor can be told


@dataclass(frozen=True, slots=True)
class InboxState:
    """All that there is to know of an inbox, as values."""

    published: int = 0  # messages
    uncredited: int = 0  # bytes of frames that are published and not delivered yet
    held: int = 0  # bits of `Hold`
    begun: int = 0  # bytes behind the last whole message that were told before
    unfinished: bytes = b""  # what came behind these
    is_closed: bool = False
    close_code: int = 0
    discards: bool = False
    parses: bool = True
    is_welcome: bool = True  # an annotated client may send
    awaits_data: bool = False  # an annotated client has announced a message that looks like a note
