"""What the kernel tells of a transport's socket."""

import asyncio
import fcntl
import socket
import sys
import termios


def open_socket(transport: asyncio.BaseTransport) -> socket.socket | None:
    """Return the socket of a transport; None once it is closed."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    return None if sock is None or sock.fileno() < 0 else sock


def unacknowledged(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes the kernel has not brought to the other side yet.

    0 where it does not tell (tcp(7), SIOCOUTQ). On a Unix socket it counts memory, not bytes: good
    to see progress, not a size.
    """
    sock = open_socket(transport)
    if sock is None:
        return 0
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
