"""Close codes by name: RFC 6455 §7.4.1, and the relay's own above 4000."""

from dataclasses import dataclass
from enum import Enum

from wsload.client.failures import quoted

_NAMES = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no code",
    1006: "lost without a close frame",
    1007: "invalid text",
    1008: "rule broken",
    1009: "too big",
    1011: "server's fault",
    1012: "restarting",
    1013: "overloaded",
    4000: "taken over",
    4001: "too slow",
    4002: "no pong",
    4401: "token expired",
    4403: "revoked",
}
FINAL = frozenset({1000, 1002, 1007, 1008, 1009, 4000, 4401, 4403})
"""A good client does not come back after these: it would be told the same again."""
NORMAL = 1000
TOO_SLOW = 4001
LOST = 1006
NO_CODE = 1005
PROTOCOL_ERROR = 1002


class Side(Enum):
    """Who ended a connection."""

    US = "us"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Close:
    """How a connection ended; `reason` is the server's own text."""

    side: Side
    code: int
    reason: str = ""

    def __str__(self) -> str:
        """For example `4001 too slow`: by this it is counted, the server's texts differ."""
        return f"{self.code} {_NAMES.get(self.code, 'unknown code')}"

    @property
    def sentence(self) -> str:
        """With the server's text."""
        return f"{self} ({quoted(self.reason)})" if self.reason else str(self)
