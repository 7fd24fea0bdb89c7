"""Members and publishers, as a room sees them."""

from enum import Enum
from typing import Protocol

from relay.names import UserName
from relay.room.batch import SessionId
from relay.room.log import Entry
from relay.room.resume import Resume, Welcome
from relay.wire.closing import Reason


class Delivered(Enum):
    """What became of an entry that was given to a member."""

    TAKEN = "taken"  # written, all of it
    REST = "rest"  # written, without what this member published itself
    QUEUED = "queued"  # behind what the member has not taken yet
    SKIPPED = "skipped"  # left out: the member reads too slowly, and asked for that
    OVERRAN = "overran"  # refused: the backlog is beyond its limit, and the member has to go
    WITHHELD = "withheld"  # its messages are not for this member, which may only publish
    GONE = "gone"  # refused: the member is leaving


class Publisher(Protocol):
    """Whoever publishes, and can be told to wait."""

    def hold(self) -> None:
        """Publish nothing more until `release`."""

    def release(self) -> None:
        """Go on publishing."""

    def credit(self, size: int) -> None:
        """`size` bytes of frames of this publisher have been handed to their receivers."""


class Member(Publisher, Protocol):
    """Whoever is in the room and receives."""

    @property
    def user(self) -> UserName:
        """Its name; unique among the members of a room."""

    @property
    def id(self) -> SessionId:
        """The session that publishes its messages; unique among the members of a room."""

    @property
    def excluded(self) -> SessionId | None:
        """The session whose messages are left out for this member: its own, unless it echoes."""

    @property
    def resume(self) -> Resume | None:
        """What an annotated member says of its session; None: it is a raw one."""

    @property
    def is_named(self) -> bool:
        """Whether a token says that its name is its own: it takes it from anybody."""

    @property
    def receives(self) -> bool:
        """Whether messages are delivered to it; one that may only publish is left out."""

    @property
    def is_behind(self) -> bool:
        """Whether its backlog is over half of its limit, so that its room should wait."""

    def deliver(self, entry: Entry) -> Delivered:
        """Take an entry; never waits, never raises, and changes nothing of the room."""

    def welcome(self, welcome: Welcome) -> None:
        """An annotated member is in the room: its join is in the log, and this is its place."""

    def dismiss(self, reason: Reason) -> None:
        """It has lost its place in the room, and has to go."""

    def overrun(self) -> None:
        """It has refused an entry and has to go; told when the room is not delivering."""

    def settled(self) -> None:
        """Everything is delivered that was on its way to it when it began to leave."""
