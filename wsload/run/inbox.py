"""Where aiohttp's compiled frame parser puts messages: straight into the member's account.

A `Take` runs once per message that anybody receives, so it is the only code of the load tester
whose speed matters: about a microsecond with the parser, on one core of a small server. It is a
closure, because what it needs lies nearer in its cells than in the slots of an object.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMessage, WSMsgType
from gevent.event import Event

from wsload.account.account import Account
from wsload.account.order import Order, number_of
from wsload.account.payload import SMALLEST
from wsload.account.verifier import CHECKSUM, Fault, Sound, Verifier
from wsload.client.annotated import MARK, Standing
from wsload.client.feed import Feed
from wsload.client.mailbox import Mailbox, message_of
from wsload.run.recorder import Counters, ticks

Take = Callable[[Any, int], Sound | None]
"""Takes in one message: what the parser gives, and its size. Returns it if it was a delivery."""
Decode = Callable[[str | bytes], bytes | None]
"""Takes our payload out of a server's message; none: it has none."""

_BINARY, _TEXT = WSMsgType.BINARY, WSMsgType.TEXT


@dataclass(frozen=True, slots=True)
class Desk:
    """What an inbox needs beside its own account."""

    verifier: Verifier
    counters: Counters
    order: Order | None = None  # none: the order over all senders is nobody's question
    decode: Decode | None = None
    """None: binary messages are payloads."""
    mailbox: Mailbox | None = None
    """Gets what is no payload; none: that is a fault."""
    standing: Standing | None = None
    """Is told the notes of relay.v1, and counts its data frames; none: the protocol is raw."""


def careful(decode: Decode, on_error: Callable[[Exception], None]) -> Decode:
    """`decode` of a scenario, whose exceptions are not those of the connection: one that left the
    parser would end it, and the server would be said to have broken the protocol."""

    def decode_carefully(message: str | bytes) -> bytes | None:
        try:
            payload = decode(message)
            if payload is not None and not isinstance(payload, bytes):
                raise TypeError(f"decode returned {type(payload).__name__}, expected bytes or None")
        except Exception as error:
            on_error(error)
            return None
        return payload

    return decode_carefully


def annotated(standing: Standing, take: Take) -> Take:
    """Take the notes of relay.v1 out of what comes."""

    def take_frame(data: Any, size: int) -> Sound | None:
        kind, payload, _ = data
        if kind is _BINARY or kind is _TEXT:
            if kind is _TEXT and not standing.is_announced and payload[:1] == MARK:
                standing.note(payload)
                return None
            standing.is_announced = False
            standing.skip += 1
        return take(data, size)

    return take_frame


class Inbox(Feed):
    """Accounts for each message on arrival."""

    __slots__ = ("account", "desk", "feed_data")

    feed_data: Take  # type: ignore[assignment]

    def __init__(self, account: Account, desk: Desk, control: Callable[[WSMessage], None]) -> None:
        super().__init__(control)
        self.account = account
        self.desk = desk
        account_for = self._accounting()
        take = self.take(account_for if desk.order is None else self._ordering(account_for))
        self.feed_data = take if desk.standing is None else annotated(desk.standing, take)

    def take(self, account: Take) -> Take:
        """How this kind of inbox takes in a message, by way of `account`, which accounts for it."""
        return account

    def _accounting(self) -> Take:
        following, place = self.account.next, self.account.place
        received, tardy = self.desk.counters.received, self.desk.counters.tardy
        known = self.desk.verifier.known
        expected, find = following.get, known.get
        inbox, binary, checksum = self, _BINARY, CHECKSUM

        def account(data: tuple[WSMsgType, bytes, Any], size: int) -> Sound | None:
            kind, payload, _ = data
            if kind is not binary:
                inbox._other(data)
                return None
            sound = find(payload[checksum])  # of one that is too short: not found
            if sound is None or sound[0] != payload:
                if not inbox._is_sound(payload):
                    return None
                sound = known[payload[checksum]]
            _, key, sequence, after, intended, late = sound
            if expected(key) == sequence:
                following[key] = after
            elif not place(key, sequence):
                return None
            tick = int((inbox.arrived - intended) * 10_000)
            received[tick] += 1
            if late:
                tardy[tick] += 1
            return sound

        return account

    def _ordering(self, account: Take) -> Take:
        """Also say what came after what, for the one order over all senders."""
        order, name = self.desk.order, self.account.name

        def take(data: Any, size: int) -> Sound | None:
            sound = account(data, size)
            if sound is not None and order is not None:
                _, key, sequence, *_ = sound
                order.saw(name, number_of(key, sequence))
            return sound

        return take

    def _is_sound(self, payload: bytes) -> bool:
        fault = self.desk.verifier.verify(payload, self.arrived)
        if fault is None:
            return True
        self.account.too_short += fault is Fault.TRUNCATED and len(payload) < SMALLEST
        self.account.reject(fault)
        return False

    def _other(self, data: tuple[WSMsgType, bytes, Any]) -> None:
        if data[0] is WSMsgType.TEXT:
            self.account.texts += 1
        else:
            self._control(data)  # type: ignore[arg-type]


class TalkingInbox(Inbox):
    """For servers that say more than what they relay, or wrap it: `Desk.decode` takes our payload
    out, and what is none goes to the mailbox."""

    __slots__ = ()

    def take(self, account: Take) -> Take:
        decode, mailbox = self.desk.decode, self.desk.mailbox

        def take(data: Any, size: int) -> Sound | None:
            if data[0] not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return account(data, size)
            message = message_of(data)
            if decode is not None:
                payload = decode(message)
            else:
                payload = message if isinstance(message, bytes) else None
            if payload is not None:
                return account(WSMessage(_BINARY, payload, None), len(payload))
            if mailbox is not None:
                mailbox.deliver(message)
            return None

        return take


class JitterInbox(Inbox):
    """Also records how much the latency of each sender's messages changes from one to the next."""

    __slots__ = ()

    def take(self, account: Take) -> Take:
        jitter = self.desk.counters.jitter
        latencies: dict[int, float] = {}

        def take(data: Any, size: int) -> Sound | None:
            sound = account(data, size)
            if sound is not None:
                _, key, _, _, intended, _ = sound
                latency = self.arrived - intended
                previous = latencies.get(key, latency)
                latencies[key] = latency
                jitter[ticks(abs(latency - previous))] += 1
            return sound

        return take


class EchoInbox(Inbox):
    """Also tells when the member's own first message has come back."""

    __slots__ = ("heard",)

    def take(self, account: Take) -> Take:
        self.heard = heard = Event()
        following, own = self.account.next, self.account.key

        def take(data: Any, size: int) -> Sound | None:
            sound = account(data, size)
            if own in following and not heard.is_set():
                heard.set()
            return sound

        return take
