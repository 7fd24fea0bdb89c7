"""What a client has received and nobody has taken yet, and who waits for what."""

import json
from collections import deque
from collections.abc import Callable, Mapping

from aiohttp import WSMessage, WSMsgType
from gevent import Timeout
from gevent.event import AsyncResult

from wsload.client.failures import Closed, NoAnswer
from wsload.client.feed import Feed

Message = str | bytes
Match = str | bytes | Mapping[str, object] | Callable[[Message], object] | None
"""What a message has to be: exactly this, a JSON object with at least these members, or something
that a function says yes to; none: anything."""

_KEPT = 256  # messages that nobody has taken; the oldest go first


def matches(match: Match, message: Message) -> bool:
    """Whether `message` is what was asked for."""
    if match is None:
        return True
    if callable(match):
        return bool(match(message))
    if isinstance(match, Mapping):
        try:
            known = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return isinstance(known, dict) and match.items() <= known.items()
    return message == match


class Mailbox:
    """Hands a message to a listener, then to who waits for it, or keeps it."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        """`on_error` is told when a match or a listener fails: they are the scenario's own."""
        self._on_error = on_error
        self._kept: deque[Message] = deque(maxlen=_KEPT)
        self._listeners: list[tuple[Match, Callable[[Message], object]]] = []
        self._waiting: list[tuple[Match, AsyncResult[Message]]] = []

    def deliver(self, message: Message) -> None:
        """Somebody's message, or nobody's yet."""
        try:
            self._hand_out(message)
        except Exception as error:
            self._on_error(error)

    def _hand_out(self, message: Message) -> None:
        for match, listener in self._listeners:
            if matches(match, message):
                listener(message)
                return
        for index, (match, result) in enumerate(self._waiting):
            if matches(match, message):
                del self._waiting[index]
                result.set(message)
                return
        self._kept.append(message)

    def listen(self, match: Match, listener: Callable[[Message], object]) -> None:
        """Have `listener` called with every message that matches, from the next one on. It must not
        block."""
        self._listeners.append((match, listener))

    def take(self, match: Match, timeout: float, *, only_new: bool = False) -> Message:
        """The first message that matches and that nobody has taken. Raises `NoAnswer`, `Closed`."""
        if not only_new:
            for index, message in enumerate(self._kept):
                if matches(match, message):
                    del self._kept[index]
                    return message
        result: AsyncResult[Message] = AsyncResult()
        entry = (match, result)
        self._waiting.append(entry)
        try:
            with Timeout(timeout, NoAnswer(f"no message that matches came within {timeout:g} s")):
                found: Message = result.get()
                return found
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def abandon(self, sentence: str) -> None:
        """The connection is over: whoever waits is told so."""
        waiting, self._waiting = self._waiting, []
        for _, result in waiting:
            result.set_exception(Closed(sentence))


class MailboxFeed(Feed):
    """Puts every message of a connection into a mailbox."""

    __slots__ = ("_mailbox",)

    def __init__(self, mailbox: Mailbox, control: Callable[[WSMessage], None]) -> None:
        super().__init__(control)
        self._mailbox = mailbox

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]
        if data.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self._mailbox.deliver(message_of(data))
        else:
            super().feed_data(data, size)


def message_of(data: WSMessage) -> Message:
    """What the parser gives as bytes, as the kind that it was sent as."""
    if data.type is WSMsgType.TEXT:
        return str(data.data, "utf-8") if isinstance(data.data, bytes) else str(data.data)
    return bytes(data.data)
