"""Some members read slowly or not at all, and the others must not notice.

The laggards are owed nothing, and the relay may close them (4001): the run counts it and does not
mind. Everybody else is judged as in any other scenario.
"""

from dataclasses import replace

from wsload.room import ScheduledUser
from wsload.run.member import Member

# Bytes that the kernel takes in for a laggard, so that the relay feels it soon. Linux doubles it.
_RECEIVE_BUFFER = 32 * 1024


class Lagging(ScheduledUser):
    """Every fifth member lags, the others talk as in `broadcast`, more calmly."""

    interval = 20.0

    @property
    def lags(self) -> bool:
        return self.seat.every(self.load.options.lagging_every)

    def enroll(self) -> Member:
        if not self.lags:
            return super().enroll()
        entrance = replace(self.entrance, checked=False, receive_buffer=_RECEIVE_BUFFER)
        member = self.load.join(self.seat, entrance)
        member.expects_close = True
        return member

    def send_on_schedule(self, member: Member) -> None:
        """Laggards only listen, badly."""
        if self.lags:
            self.place.arrive()
            member.connection.read_slowly(self.load.options.lagging_speed)
        else:
            super().send_on_schedule(member)
