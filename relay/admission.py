"""Who may connect at all: origins, client addresses, and how many."""

import resource
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from relay.settings import Network, Settings

_RESERVE: Final = 20  # one file in so many, and 64, are for plain requests and the relay itself
_COST: Final = 64 * 1024  # bytes of memory set aside for each connection
_PREFIX: Final = 64  # bits: one customer's IPv6 network counts as one client


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 1_048_576)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS has a lower ceiling than it tells
        return soft
    return hard


def max_connections(settings: Settings, file_limit: int, memory_limit: int) -> int:
    """Return how many WebSockets the relay takes."""
    files = file_limit - max(64, file_limit // _RESERVE)
    possible = max(1, min(files, memory_limit // 2 // _COST))
    return min(settings.max_connections or possible, possible)


def origin_allowed(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of this origin may connect.

    Programs that are no browsers send none, and could send any. The relay's own pages may.
    """
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return origin.partition("://")[2] == host


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the client's address: the last in `X-Forwarded-For` that no trusted proxy wrote.

    What a client writes there itself stands further left, and does not count.
    """
    address = peer
    for hop in reversed(forwarded.split(",")):
        if not _is_trusted(address, tuple(trusted)):
            break
        candidate = _parse(hop)
        if candidate is None:
            break
        address = str(candidate)
    return address


def address_group(address: str) -> str:
    """Return what is counted as one client: the IPv4 address, or the IPv6 network of 64 bits."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _PREFIX), strict=False))
    return address


@lru_cache(maxsize=4096)
def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
