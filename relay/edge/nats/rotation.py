"""Whose turn it is to append to a room's log, where several relays want to.

An append that comes too late is in vain. So relays that have lately appended take turns, in the
order of their names: behind an entry the next one appends at once, the others leave it a moment.

That is not enough where one is slow: whoever hears of its own entry first would be first again, and
another one could wait for ever. A relay that was too late tells the relay that was faster, which
then leaves the next place to it. Nobody waits in a circle: a relay waits for one that has appended
nothing since its own last entry.
"""

from typing import Final

_MOMENT: Final = (0.001, 0.02)  # seconds, at least and at most
_LATELY: Final = 0.1  # seconds
_LEFT: Final = 0.25  # seconds for which a place is left to a relay that may be gone
_KNOWN: Final = 64  # other relays that are remembered


class Rotation:
    """Says how long to wait before an append; times are seconds of the event loop's clock.

    `left` says until when the next place is left to which relay.
    """

    def __init__(self) -> None:
        self._moment = _MOMENT[0]
        self._last = "", 0.0  # whose the last entry was, and when it came
        self._lately: dict[str, float] = {}  # until when which other relay takes its turn
        self._places: dict[str, int] = {}  # sequence of each other relay's last entry
        self.left: dict[str, float] = {}

    @property
    def known(self) -> int:
        """How many other relays are remembered."""
        return len(self._places.keys() | self._lately.keys())

    def land(self, relay: str, trip: float, now: float) -> None:
        """An entry of ours has its place, `trip` seconds after it was sent."""
        least, most = _MOMENT
        self._moment = min(max(trip, least), most)
        self._last = relay, now

    def take(self, relay: str, sequence: int, now: float) -> None:
        """Another relay's entry has come."""
        self._last = relay, now
        self.left.pop(relay, None)
        for known in self._places, self._lately:
            known.pop(relay, None)
            if len(known) >= _KNOWN:
                del known[next(iter(known))]
        self._places[relay] = sequence
        self._lately[relay] = now + _LATELY

    def leave(self, relay: str, sequence: int, now: float) -> None:
        """A relay was too late for the place `sequence`, which is ours: the next one is for it."""
        if self._places.get(relay, 0) < sequence:  # else it has had one meanwhile
            self.left[relay] = now + _LEFT
            self._lately[relay] = now + _LATELY

    def wait(self, relay: str, now: float) -> float:
        """Return for how many seconds others come before this relay; 0: it is its turn."""
        until = max(self.left.values(), default=0.0)
        if until <= now:
            self.left.clear()
        last, at = self._last
        if now < at + _MOMENT[1] * _KNOWN:
            ring = sorted({relay, last, *(each for each, end in self._lately.items() if now < end)})
            before = (ring.index(relay) - ring.index(last) - 1) % len(ring)
            until = max(until, at + before * self._moment)
        return max(until - now, 0.0)
