"""Why a connection did not come about, one sentence per cause; each is counted, not repeated.

ConnectFailed
├── BadAddress     the URL itself
├── Unreachable    nobody answers there
├── Untrusted      TLS: a certificate that we do not trust
├── NotARelay      somebody answers, and it is no WebSocket relay
└── Refused        a relay that says no: 401, 409, 503 …
"""


class ConnectFailed(Exception):
    """The message is the sentence that the user reads."""


class BadAddress(ConnectFailed):
    """The URL cannot be that of a relay."""


class Unreachable(ConnectFailed):
    """No connection, or none in time."""


class Untrusted(ConnectFailed):
    """The relay's certificate does not check out."""


class NotARelay(ConnectFailed):
    """An answer that no relay gives."""


class Refused(ConnectFailed):
    """The relay refused the upgrade; `status` is its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def refusal(status: int, reason: str) -> Refused:
    """The sentence for a refusal with `status`, the relay's own words being `reason`."""
    advice = {
        400: "the relay does not take this name, room or option",
        401: "token refused: pass a valid one with --token",
        403: "forbidden: the token or the origin does not allow this",
        409: "name in use: leave --name out to get names of your own",
        429: "too many connections from this address: raise the relay's limit for the test",
        503: "the relay takes no more connections now: draining, or at its limit",
    }.get(status, "the relay refused the upgrade")
    said = f' ("{reason}")' if reason else ""
    return Refused(f"{status} {advice}{said}", status)
