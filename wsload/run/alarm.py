"""A timer of microseconds in gevent's loop, which alone rounds up to whole milliseconds.

A send that waits for the loop's own timer leaves half a millisecond late on average, as much as a
good relay takes for the whole delivery. Linux has timers that are files (timerfd_create(2)); the
loop watches one like a socket. Elsewhere the loop's own timer has to do.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from struct import pack

from gevent import get_hub

from wsload.client.clock import CLOCK

_CLOCK_MONOTONIC, _NONBLOCK, _ABSOLUTE = 1, 0o4000, 1
_READ = 1


class Alarm:
    """Calls `callback` in the event loop at the time that was set last."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = get_hub().loop
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK)
            if self._fd < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create")
            self._watcher = self._loop.io(self._fd, _READ)
            self._watcher.start(self._ring)
        else:
            self._fd = -1
            self._watcher = self._loop.timer(0)

    def set(self, at: float) -> None:
        """Ring at `at` (seconds since the epoch), or at once if that has passed."""
        if self._fd < 0:
            self._watcher.stop()
            self._watcher = self._loop.timer(max(at - CLOCK.now(), 0))
            self._watcher.start(self._callback)
            return
        at = max(at - CLOCK.offset, 0.0)
        seconds = int(at)
        # struct itimerspec: no interval, then the time; all zero would disarm it.
        spec = pack("@qqqq", 0, 0, seconds, max(int((at - seconds) * 1e9), 1))
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE, spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # set anew between the ring and this call
        self._callback()

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
