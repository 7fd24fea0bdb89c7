"""The Unix socket at which a successor finds the relay that serves."""

import os
import socket
import stat
import struct
from pathlib import Path
from typing import Final

_TIMEOUT: Final = 10.0  # seconds for whoever serves to take the call


class NotOurs(Exception):
    """What stands at the path cannot be used; `str()` says why and what to do."""


def find(path: Path) -> socket.socket | None:
    """Return a connection to the relay that serves there, or None if there is none."""
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
    except OSError as error:
        sock.close()
        reason = (error.strerror or str(error)).lower()
        raise NotOurs(f"cannot reach the relay at {path}: {reason}") from None
    return sock


def bind(path: Path, mode: int) -> socket.socket:
    """Return a socket that takes this path from whoever had it, at once and whole.

    It is bound under another name and renamed over: who connects reaches the one or the other.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(temporary))
        temporary.chmod(mode)
        temporary.rename(path)
    except OSError as error:
        sock.close()
        temporary.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise NotOurs(f"cannot listen on {path}: {reason}") from None
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
