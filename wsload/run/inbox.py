"""Where aiohttp's compiled frame parser puts messages: straight into the member's account.

`feed_data` runs once per message that anybody receives, so it is the only code of the load tester
whose speed matters: 0.8 microseconds with the parser on one core of a small server.
"""

from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType
from gevent.event import Event

from wsload.account.ledger import Account
from wsload.account.payload import HEADER, SMALLEST
from wsload.client.feed import Feed
from wsload.run.recorder import Counters, ticks

_BINARY = WSMsgType.BINARY
_unpack = HEADER.unpack_from


class Inbox(Feed):
    """Accounts for each message on arrival."""

    __slots__ = ("_next", "_received", "account")

    def __init__(
        self, account: Account, counters: Counters, control: Callable[[WSMessage], None]
    ) -> None:
        super().__init__(control)
        self.account = account
        self._next = account.next
        self._received = counters.received

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        kind, payload, _ = data
        if kind is not _BINARY or size < SMALLEST:
            self._other(data)
            return
        key, sequence, intended = _unpack(payload)
        if self._next.get(key) == sequence:
            self._next[key] = sequence + 1
        elif not self.account.unexpected(key, sequence, intended):
            return
        self._received[int((self.arrived - intended) * 10_000)] += 1

    def _other(self, message: WSMessage) -> None:
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self.account.foreign += 1
        else:
            self._control(message)


class JitterInbox(Inbox):
    """Also records how much the latency of each sender's messages changes from one to the next."""

    __slots__ = ("_jitter", "_previous")

    def __init__(
        self, account: Account, counters: Counters, control: Callable[[WSMessage], None]
    ) -> None:
        super().__init__(account, counters, control)
        self._jitter = counters.jitter
        self._previous: dict[int, float] = {}

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        super().feed_data(data, size)
        if data.type is _BINARY and size >= SMALLEST:
            key, _, intended = _unpack(data.data)
            latency = self.arrived - intended
            previous = self._previous.get(key, latency)
            self._previous[key] = latency
            self._jitter[ticks(abs(latency - previous))] += 1


class EchoInbox(Inbox):
    """Also tells when the member's own first message has come back."""

    __slots__ = ("heard",)

    def __init__(
        self, account: Account, counters: Counters, control: Callable[[WSMessage], None]
    ) -> None:
        super().__init__(account, counters, control)
        self.heard = Event()

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        super().feed_data(data, size)
        if not self.heard.is_set() and self.account.key in self._next:
            self.heard.set()
