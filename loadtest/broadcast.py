"""Everybody talks, everybody hears everybody else: the classic benchmark of a relay.

N members of a room each send 1 KB every 10 ms, so the relay delivers 100 * N * (N - 1) messages a
second. `--sender-every 10` lets one in ten talk.
"""

from wsload.room import ScheduledUser


class Broadcast(ScheduledUser):
    """A member that sends and receives."""
