"""The Unix socket at which a successor finds the relay that serves."""

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from relay.edge.handover.channel import Silent

_TIMEOUT: Final = 5.0  # seconds for the relay that serves to take the call


class NotOurs(Exception):
    """What stands at the path cannot be used; `str()` says why and what to do."""


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Be the only one that looks for the relay at this path, and then serves there.

    Two that start at the same time would both find nobody, and both serve.
    """
    try:
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise NotOurs(f"cannot listen on {path}: {_reason(error)}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise NotOurs(f"another relay is taking over at {path}") from None
    try:
        yield
    finally:
        os.close(lock)


def find(path: Path) -> socket.socket | None:
    """Return a connection to the relay that serves there, or None if there is none.

    Raise `Silent` if one is there that takes no call.
    """
    if not path.exists():
        return None
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise NotOurs(f"{path} is not a socket: remove it, or choose another path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(_TIMEOUT)
    try:
        sock.connect(str(path))
    except ConnectionRefusedError:  # a stale file: nobody listens there
        sock.close()
        return None
    except (TimeoutError, BlockingIOError):  # its queue is full
        sock.close()
        raise Silent("the other side does not answer") from None
    except OSError as error:
        sock.close()
        raise NotOurs(f"cannot reach the relay at {path}: {_reason(error)}") from None
    return sock


def bind(path: Path, mode: int) -> socket.socket:
    """Return a socket bound to this path, which is taken from another socket in one step.

    It is bound under another name and renamed over: who connects reaches the one or the other.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        temporary.unlink(missing_ok=True)
        sock.bind(str(temporary))
        temporary.chmod(mode)
        sock.listen()  # before anybody can find it, or it would refuse
        temporary.rename(path)
    except OSError as error:
        sock.close()
        temporary.unlink(missing_ok=True)
        raise NotOurs(f"cannot listen on {path}: {_reason(error)}") from None
    return sock


def peer_user(sock: socket.socket) -> int:
    """Return the user ID of the process at the other end (unix(7), SO_PEERCRED)."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)


def network_namespace() -> int:
    """Return what tells this process's network from another's; 0 where that is not known."""
    try:
        return Path("/proc/self/ns/net").stat().st_ino
    except OSError:
        return 0


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
