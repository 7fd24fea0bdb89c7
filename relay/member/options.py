"""What a client asked for when it connected, and what it may."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from relay.access.grants import OPEN, Grant
from relay.names import UserName
from relay.room.log import Cursor
from relay.room.resume import Resume


@dataclass(frozen=True, slots=True)
class Options:
    """They hold for as long as the session; a fresh token changes `grant` and `expires`."""

    user: UserName
    address: str = ""
    echo: bool = False
    skips: bool = False
    history: int = 0  # messages
    expires: float | None = None  # of the event loop's clock, seconds; None is never
    grant: Grant = OPEN
    resume: Resume | None = None  # None: a raw client

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Options":
        """Return the options that `as_values` has given, by way of JSON or not."""
        grant = Grant.restored(values["grant"]) if "grant" in values else OPEN
        resume = values.get("resume")
        if resume is not None:
            cursor = resume["cursor"]
            resume = Resume(**{**resume, "cursor": Cursor(*cursor) if cursor else None})
        user = UserName(values["user"])
        return cls(**{**values, "user": user, "grant": grant, "resume": resume})

    def as_values(self) -> dict[str, Any]:
        """Return what JSON can hold of them: all."""
        values = asdict(self)
        if self.resume is not None and self.resume.cursor is not None:
            values["resume"]["cursor"] = tuple(self.resume.cursor)
        return values
