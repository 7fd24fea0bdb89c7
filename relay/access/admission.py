"""How many connections fit into this process."""

from typing import Final

from relay.settings import Settings

_RESERVE: Final = 20  # one file in 20 is kept free of members
_LEAST: Final = 256  # files kept free of members, but at most a quarter of all
_OWN: Final = 32  # of these, for the relay itself; handshakes and plain requests share the rest
_COST: Final = 64 * 1024  # bytes of memory set aside for each connection


def max_connections(settings: Settings, file_limit: int, memory_limit: int) -> int:
    """Return how many WebSockets the relay takes."""
    files = file_limit - _reserve(file_limit)
    possible = max(1, min(files, memory_limit // 2 // _COST))
    return min(settings.max_connections or possible, possible)


def non_members(file_limit: int) -> int:
    """Return how many handshakes, and as many plain requests, may have a socket at once."""
    return max(16, (_reserve(file_limit) - _OWN) // 2)


def _reserve(file_limit: int) -> int:
    return max(min(_LEAST, file_limit // 4), file_limit // _RESERVE)
