"""Addresses, origins, and how many connections fit."""

from ipaddress import ip_network

import pytest

from relay.access.addresses import address_group, client_address
from relay.access.admission import max_connections
from relay.access.origins import origin_allowed
from relay.settings import Settings

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a stranger may not say who it is
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.1, 198.51.100.1", "198.51.100.1"),  # the first was forged
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", " 2001:db8::1 ", "2001:db8::1"),
        ("::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "", ""),
        ("", "192.0.2.1, 198.51.100.1", "198.51.100.1"),  # a Unix socket's peer is a proxy of ours
    ],
)
def test_client_address(peer: str, forwarded: str, client: str) -> None:
    """The last that no trusted proxy wrote."""
    assert client_address(peer, forwarded, TRUSTED) == client


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.1"),
        ("", ""),
    ],
)
def test_address_group(address: str, group: str) -> None:
    """One IPv6 customer has 2**64 addresses, and counts once."""
    assert address_group(address) == group


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        (None, ("https://a.example",), True),
        ("https://a.example", ("*",), True),
        ("https://a.example", ("https://a.example",), True),
        ("https://a.example:444", ("https://a.example",), False),
        ("https://relay.example", ("https://a.example",), True),  # the relay's own pages
        ("null", ("https://a.example",), False),
        ("https://a.example.evil", ("https://a.example",), False),
    ],
)
def test_origin_allowed(origin: str | None, allowed: tuple[str, ...], expected: bool) -> None:
    """Programs send none; the relay's own pages may always."""
    assert origin_allowed(origin, "relay.example", allowed) is expected


def test_max_connections_is_what_files_and_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting can only lower it."""
    gigabyte = 1024**3
    assert max_connections(Settings.load(), 1064, gigabyte) == 1000
    assert max_connections(Settings.load(), 10**6, gigabyte) == 8192
    monkeypatch.setenv("MAX_CONNECTIONS", "500")
    assert max_connections(Settings.load(), 1064, gigabyte) == 500
    monkeypatch.setenv("MAX_CONNECTIONS", "5000")
    assert max_connections(Settings.load(), 1064, gigabyte) == 1000
