"""Some members read slowly or not at all, and the others must not notice.

The laggards are owed nothing, and the relay may close them (4001): the run counts it and does not
mind. Everybody else is judged as in any other scenario.
"""

from wsload.run.run import Member
from wsload.user import WebSocketUser

# Bytes that the kernel takes in for a laggard, so that the relay feels it soon. Linux doubles it.
_RECEIVE_BUFFER = 32 * 1024


class Lagging(WebSocketUser):
    """Every fifth member lags, the others talk as in `broadcast`, more calmly."""

    scenario = "lagging"
    interval = 20.0

    @property
    def lags(self) -> bool:
        return self.seat.every(self.relay_run.options.lagging_every)

    def join(self) -> Member:
        if not self.lags:
            return super().join()
        member = self.relay_run.join(self.seat, checked=False, receive_buffer=_RECEIVE_BUFFER)
        member.expects_close = True
        return member

    def send(self, member: Member) -> None:
        """Laggards only listen, badly."""
        if self.lags:
            self.relay_run.lineup.arrive()
            member.connection.read_slowly(self.relay_run.options.lagging_speed)
        else:
            super().send(member)
