"""All that there is to know of a room, as values."""

from dataclasses import dataclass, field

from relay.names import RoomName, UserName
from relay.room.congestion import Flow
from relay.room.log import Entry, LogState
from relay.room.presence import PresenceState


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """An entry on its way: who has still to get it, and whom to credit with how many bytes."""

    entry: Entry
    due: tuple[UserName, ...]
    credits: tuple[tuple[UserName, int], ...]
    has_begun: bool


@dataclass(frozen=True, slots=True)
class DispatchState:
    """What a room delivers, and whether it waits with that."""

    congestion: Flow
    patience: tuple[float | None, float]  # `Congestion.times`
    held: tuple[UserName, ...]
    deliveries: tuple[DeliveryState, ...]


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room between two passes of the event loop, when nothing is pending."""

    name: RoomName
    number: int  # of its last batch
    log: LogState
    dispatch: DispatchState
    presence: PresenceState = field(default_factory=PresenceState)
