"""A constant rate of messages from all senders together, or a climb to the highest that holds.

Open loop: the rate does not sink when the relay gets slow. With `--rate-max` the rate climbs in
steps, and the run ends with the first step that misses what `--require` asks for, that the relay
does not carry, or that the generator cannot offer; the result names the highest step that held.
"""

from wsload.run.cadence import constant, phase, steps
from wsload.run.climb import rates
from wsload.run.run import Member
from wsload.user import WebSocketUser


class Steady(WebSocketUser):
    """A member that sends its share of the rate."""

    scenario = "steady"
    payload = 256

    def send(self, member: Member) -> None:
        options = self.relay_run.options
        start = self.wait_for_start(member)
        senders = self.relay_run.senders[self.scenario]
        intervals = [senders / rate for rate in rates(options)]
        offset = phase(self.seat.place)
        if len(intervals) > 1:
            cadence = steps(start, intervals, options.rate_step, offset)
        else:
            cadence = constant(start + offset * intervals[0], intervals[0])
        size = options.payload or self.payload
        self.relay_run.send(member, size=size, cadence=cadence, interval=intervals[-1])
