"""What a client tells its application."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class State(Enum):
    """Of a client."""

    CONNECTING = "connecting"
    OPEN = "open"
    WAITING = "waiting"  # between two attempts
    CLOSED = "closed"  # for good


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the room."""

    data: str | bytes
    sender: str | None = None  # None: published by POST, or the protocol is raw
    at: datetime | None = None  # when the relay took it in, by its clock; None: raw


@dataclass(frozen=True, slots=True)
class Join:
    """Somebody has come."""

    user: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody has gone."""

    user: str


@dataclass(frozen=True, slots=True)
class Members:
    """Who is here, where single comings and goings were not told; None: too many for a list."""

    members: tuple[str, ...] | None
    count: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages are missing here: so many, or, where it is None, nobody knows how many."""

    missed: int | None


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state has changed: why, in words, and in how many seconds the next attempt comes."""

    state: State
    reason: str
    retry_in: float | None = None


Event = Message | Join | Leave | Members | Gap | StateChange
