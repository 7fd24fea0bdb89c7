"""What an inbox makes of each message, without a socket."""

from array import array

from aiohttp import WSMsgType

from wsload.account.account import Account
from wsload.account.payload import Origin, Writer
from wsload.account.verifier import Verifier
from wsload.run.inbox import Desk, JitterInbox
from wsload.run.recorder import Counters

_OWN, _OTHER = (Origin(1, 0, 0, member).key for member in range(2))


def test_jitter_is_that_of_deliveries() -> None:
    """A copy that comes a second later is repeated, and was taken for jitter, too."""
    verifier, counters = Verifier(1, 0), Counters()
    verifier.expect(_OTHER, array("d", [100.0, 100.02]))
    account = Account("me", _OWN, joined=0.0, echo=False, checked=True)
    inbox = JitterInbox(account, Desk(verifier, counters), lambda _: None)
    writer = Writer(_OTHER, 64)
    first, second = bytes(writer.payload(0, 100.0)), bytes(writer.payload(1, 100.02))
    for payload, arrived in ((first, 100.01), (first, 101.0), (second, 100.033)):
        inbox.arrived = arrived
        inbox.feed_data((WSMsgType.BINARY, payload, None), len(payload))
    assert account.repeated == 1
    assert sum(counters.received.values()) == 2
    assert sum(counters.jitter.values()) == 2
    assert max(counters.jitter) <= 30  # ticks
