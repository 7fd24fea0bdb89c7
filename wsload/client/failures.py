"""Why something did not come about, one sentence per cause; each is counted, not repeated.

WebSocketError
├── ConnectFailed      a connection that did not come about
│   ├── BadAddress     the URL itself, or a file that connecting needs
│   ├── Unreachable    nobody answers there
│   ├── Untrusted      TLS: a certificate that we do not trust
│   ├── NoWebSocket    somebody answers, and it is no WebSocket server
│   └── Refused        a server that says no: 401, 409, 503 …
├── Closed             the connection is over
└── NoAnswer           a message that was expected and did not come in time
"""

from typing import Final

_LONGEST_QUOTE: Final = 200  # characters


class WebSocketError(Exception):
    """The message is the sentence that the user reads."""


class ConnectFailed(WebSocketError):
    """A connection did not come about."""


class BadAddress(ConnectFailed):
    """The URL cannot be that of a WebSocket server."""


class Unreachable(ConnectFailed):
    """No connection, or none in time."""


class Untrusted(ConnectFailed):
    """The server's certificate does not check out, or it does not trust ours."""


class NoWebSocket(ConnectFailed):
    """An answer that no WebSocket server gives."""


class Refused(ConnectFailed):
    """The server refused the upgrade; `status` is its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Closed(WebSocketError):
    """Nothing can be sent or received any more; the message says how it ended."""


class NoAnswer(WebSocketError):
    """Nothing that matches came in time."""


def plain(text: str) -> str:
    """Somebody else's words as they may stand in a sentence, on a terminal and in a log: one line,
    not too long, without control characters."""
    if len(text) > _LONGEST_QUOTE:
        text = f"{text[:_LONGEST_QUOTE]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(text: str) -> str:
    """A server's own words, in quotes."""
    return f'"{plain(text)}"'


def sentence_of(error: BaseException) -> str:
    """How an error is told and counted: ours by their sentences, others with their names."""
    if isinstance(error, WebSocketError):
        return str(error)
    return f"{type(error).__name__}: {plain(str(error))}"


def refusal(status: int, reason: str) -> Refused:
    """The sentence for a refusal with `status`, the server's own words being `reason`."""
    advice = {
        400: "the server does not take this name, room or option",
        401: "token refused: pass a valid one with --token, --token-file or JWT_SECRET",
        403: "forbidden: the token or the origin does not allow this",
        409: "name in use: leave --name out to get names of your own",
        429: "too many connections from this address: raise the server's limit for the test",
        503: "the server takes no more connections now: draining, or at its limit",
    }.get(status, "the server refused the upgrade")
    said = f" ({quoted(reason)})" if reason else ""
    return Refused(f"{status} {advice}{said}", status)
