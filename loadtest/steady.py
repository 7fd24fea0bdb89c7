"""A constant rate of messages from all senders together, or a climb to the highest that holds.

Open loop: the rate does not sink when the relay gets slow. With `--rate-max` the rate climbs in
steps, and the run ends when it has found the highest that holds to 5 %.
"""

from wsload.room import ScheduledUser
from wsload.run.cadence import Share, phase
from wsload.run.member import Member


class Steady(ScheduledUser):
    """A member that sends its share of the rate, however many members there are."""

    climbs = True
    payload = 256
    interval = 0.0  # the rate decides

    def send_on_schedule(self, member: Member) -> None:
        options = self.load.options
        start = self.wait_for_start(member)
        pace = self.load.tempo.pace(self.scenario, options.rate)
        self.load.send(
            member,
            size=options.payload or self.payload,
            cadence=Share(pace, start, phase(self.seat.place)),
            interval=pace.interval,
        )
