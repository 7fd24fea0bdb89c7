"""Connect, say hello, leave, again and again: what a relay costs at its door.

Each user asks for its own messages back (echo=1), waits for its hello, and leaves: one turn takes
connection, membership, delivery and departure. A hello that does not come back in 5 s is lost.
"""

from gevent import sleep, wait

from wsload.client.clock import now
from wsload.client.failures import ConnectFailed
from wsload.room import ScheduledUser
from wsload.run.cadence import constant, phase
from wsload.run.inbox import EchoInbox

_PATIENCE = 5.0  # seconds
# In a row. One refusal may be the limit that a test looks for; this many are a relay that is gone.
_MOST_FAILURES = 10


class Churn(ScheduledUser):
    """Comes and goes, one turn every 100 ms if the relay is quick enough."""

    payload = 64
    interval = 100.0
    inbox = EchoInbox
    echo = True

    def live(self) -> None:
        """Turn after turn, each at its own time."""
        interval = (self.load.options.interval or self.interval) / 1000
        self.place.arrive()
        start = self.load.wait_for_start()
        failures = 0
        for due in constant(start, interval, phase(self.seat.place)):
            sleep(max(due - now(), 0))
            if self.load.hushed:
                return
            try:
                self.turn()
                failures = 0
            except ConnectFailed:
                failures += 1
                if failures == _MOST_FAILURES:
                    return

    def turn(self) -> None:
        """One visit, under a name of its own. Raises `ConnectFailed`."""
        self.seat = self.load.seating.seat(self.scenario)
        self.member = member = self.enroll()
        inbox = member.connection.feed
        assert isinstance(inbox, EchoInbox)
        size = self.load.options.payload or self.payload
        self.load.send(member, size=size, cadence=iter([now()]), interval=_PATIENCE)
        wait([inbox.heard, member.connection.closed], timeout=_PATIENCE, count=1)
        waited = not inbox.heard.is_set() and not member.connection.closed.is_set()
        member.leave(waited=waited)
