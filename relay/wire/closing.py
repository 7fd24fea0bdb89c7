"""The catalogue of reasons for which the relay closes a connection (RFC 6455 §7.4).

Nothing else in the relay writes a close code. `docs/protocol.md` holds the same table.
"""

from dataclasses import dataclass
from enum import Enum

_NEVER_SENT = 1006  # RFC 6455 §7.4.1; the parser lets it pass, and what lies above 4999
_LAST = 4999
_MAX_TEXT = 123  # bytes: a control frame carries 125 (RFC 6455 §5.5), two are the code


def may_be_sent(code: int) -> bool:
    """Whether a close frame may hold this code that the parser has let pass; 0 is none."""
    return code != _NEVER_SENT and code <= _LAST


@dataclass(frozen=True, slots=True)
class Close:
    """What a close frame says: the reason, and its text with the facts filled in."""

    reason: "Reason"
    text: str
    own_code: int = 0  # the client's own, which comes back to it; 0: none

    @property
    def code(self) -> int:
        return self.own_code or self.reason.code


class Reason(Enum):
    """Close code, text (a format string over the facts), and whether a client should reconnect."""

    LEFT = 1000, "goodbye", False
    BROKEN_FRAME = 1002, "{problem}", False
    INVALID_TEXT = 1007, "text message is not UTF-8", False
    BAD_OPTION = 1008, "bad option: {problem}", False
    BAD_NOTE = 1008, "bad note: {problem}", False
    TOO_EARLY = 1008, "message before welcome", False
    BAD_SKIP = 1008, "skip={skip}: the cursor is followed by {messages} messages", False
    BAD_TOKEN = 1008, "bad token: {problem}", False
    NOT_ALLOWED = 1008, "token does not allow to publish", False
    TOO_BIG = 1009, "message of {size} bytes exceeds limit of {limit}", False
    FAILED = 1011, "internal error", True
    RESTARTING = 1012, "relay is restarting", True
    OVERLOADED = 1013, "relay is out of memory, and this client held {held} bytes", True
    LOG_AWAY = 1013, "relay cannot reach the log of its rooms", True
    NAME_IN_USE = 4000, "{user} has come first, at another relay", False
    TAKEN_OVER = 4000, "{user} connected again from elsewhere", False
    TOO_SLOW = 4001, "backlog of {backlog} bytes exceeds limit of {limit}", True
    STUCK = 4001, "backlog of {backlog} bytes has not shrunk for {seconds:g} s", True
    UNFINISHED = 4001, "message with {size} bytes so far has not come on for {seconds:g} s", True
    NO_PONG = 4002, "nothing heard for {seconds:g} s", True
    TOKEN_EXPIRED = 4401, "token expired", False
    REVOKED = 4403, "token has been revoked", False
    DISCONNECTED = 4403, "disconnected by an administrator", False

    def __init__(self, code: int, template: str, reconnect: bool) -> None:
        self.code = code
        self.template = template
        self.reconnect = reconnect

    def close(self, **facts: object) -> Close:
        """Return the `Close` with these facts in its text, cut at 123 bytes of UTF-8."""
        text = self.template.format(**facts).encode()[:_MAX_TEXT].decode(errors="ignore")
        return Close(self, text)
