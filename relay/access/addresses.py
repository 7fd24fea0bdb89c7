"""Whose connection it is: the client's address behind trusted proxies, and what counts as one."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from relay.settings import Network

_PREFIX: Final = 64  # bits: one customer's IPv6 network counts as one client


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the client's address: the last in `X-Forwarded-For` that no trusted proxy wrote.

    What a client writes there itself stands further left, and does not count. A peer without an
    address has come over a Unix socket, and is trusted as a proxy.
    """
    address = peer
    for hop in reversed(forwarded.split(",")):
        if address and not _is_trusted(address, tuple(trusted)):
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
