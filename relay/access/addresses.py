"""Whose connection it is: the client's address behind trusted proxies, and what counts as one."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from relay.values import Network

_PREFIX: Final = 64  # bits: one customer's IPv6 network counts as one client
# What proxies write: an address, [an address], either with a port, all of it in quotes or not.
_BRACKETED: Final = re.compile(r"\[([^\]]+)\](?::\d{1,5})?")
_WITH_PORT: Final = re.compile(r"([0-9.]+):\d{1,5}")


class ClientAddress(NamedTuple):
    """The client's address, and what a trusted proxy wrote in its place that is none."""

    address: str
    unreadable: str | None = None


def client_address(peer: str, forwarded: str, is_trusted: Callable[[str], bool]) -> ClientAddress:
    """Return the client's address: the last in `X-Forwarded-For` that no trusted proxy wrote.

    What a client writes there itself stands further left, and does not count. A peer without an
    address has come over a Unix socket, and is trusted as a proxy.
    """
    address = peer
    for hop in reversed(forwarded.split(",")):
        hop = hop.strip()
        if not hop:
            continue
        if address and not is_trusted(address):
            break
        candidate = _parse(hop)
        if candidate is None:
            return ClientAddress(address, hop)
        address = str(candidate)
    return ClientAddress(address)


def address_group(address: str) -> str:
    """Return what is counted as one client: the IPv4 address, or the IPv6 network of 64 bits."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), _PREFIX), strict=False))
    return address


def trust(networks: Sequence[Network]) -> Callable[[str], bool]:
    """Return what tells whether an address is a proxy's, whose `X-Forwarded-For` counts."""

    # Asked several times for each connection, mostly for the same few.
    @lru_cache(maxsize=4096)
    def is_trusted(address: str) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in networks)

    return is_trusted


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip().strip('"')
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        parsed = ip_address(match[1] if match else text)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
