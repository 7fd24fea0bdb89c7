"""What the kernel tells of a socket."""

import fcntl
import socket
import sys
import termios


def unacknowledged(sock: socket.socket | None) -> int:
    """Return how many bytes the kernel has not brought to the other side yet.

    0 where it does not tell (tcp(7), SIOCOUTQ). On a Unix socket it counts memory, not bytes: good
    to see progress, not a size.
    """
    if sock is None or sock.fileno() < 0:
        return 0
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
