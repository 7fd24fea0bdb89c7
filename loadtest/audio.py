"""Some speak, the others listen: a 20 ms audio frame fifty times a second from every speaker.

What matters to a listener is less the latency than its change from frame to frame, the jitter,
which a player has to buffer against; it is measured per speaker and listener.
"""

from wsload.room import ScheduledUser
from wsload.run.inbox import JitterInbox


class Audio(ScheduledUser):
    """One member in five speaks: 160 bytes (a 20 ms Opus frame at 64 kbit/s), 50 times a second."""

    payload = 160
    interval = 20.0
    sender_every = 5
    inbox = JitterInbox
