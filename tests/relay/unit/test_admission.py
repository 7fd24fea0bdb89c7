"""Addresses, origins, and how many connections fit."""

from ipaddress import ip_network

import pytest

from relay.access.addresses import address_group, client_address, trust
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
        ("10.0.0.1", "198.51.100.1:51234", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", '"[2001:db8::1]:443"', "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1, , 10.0.0.2,", "198.51.100.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "192.0.2.1, 198.51.100.1", "198.51.100.1"),  # a Unix socket's peer is a proxy of ours
        ("", "", ""),
    ],
)
def test_client_address(peer: str, forwarded: str, client: str) -> None:
    """The last that no trusted proxy wrote."""
    assert client_address(peer, forwarded, trust(TRUSTED)).address == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "unreadable"),
    [
        ("10.0.0.1", "198.51.100.1, unknown", "unknown"),
        ("10.0.0.1", "_hidden, 10.0.0.2", "_hidden"),
        ("10.0.0.1", "198.51.100.1:port", "198.51.100.1:port"),
        ("10.0.0.1", "nonsense, 198.51.100.1", None),  # a stranger's words, which nobody reads
        ("203.0.113.7", "nonsense", None),
    ],
)
def test_what_a_trusted_proxy_wrote_and_nobody_can_read(
    peer: str, forwarded: str, unreadable: str | None
) -> None:
    """It is told; what a stranger wrote is not."""
    assert client_address(peer, forwarded, trust(TRUSTED)).unreadable == unreadable


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.1"),
        ("fe80::1%eth0", "fe80::/64"),
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
        ("null", ("null",), True),
        ("file://", ("file://",), True),
        ("file://", ("https://a.example",), False),
        ("https://x.a.example", ("https://*.a.example",), True),
        ("https://x.y.a.example", ("https://*.a.example",), True),
        ("https://a.example", ("https://*.a.example",), False),
        ("https://.a.example", ("https://*.a.example",), False),
        ("https://evila.example", ("https://*.a.example",), False),
        ("http://x.a.example", ("https://*.a.example",), False),
        ("https://x.a.example:8443", ("https://*.a.example",), False),
        ("https://x.a.example:8443", ("https://*.a.example:8443",), True),
    ],
)
def test_origin_allowed(origin: str | None, allowed: tuple[str, ...], expected: bool) -> None:
    """Programs send none; the relay's own pages may always."""
    assert origin_allowed(origin, "relay.example", allowed) is expected


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("https://relay.example", "Relay.Example:443", True),
        ("http://relay.example", "RELAY.example:80", True),
        ("https://relay.example:8443", "relay.example:8443", True),
        ("https://relay.example", "relay.example:80", False),
        ("https://relay.example", "other.example", False),
        ("null", "", False),
        ("null", "null", False),
    ],
)
def test_the_relays_own_pages_are_known_by_their_host(origin: str, host: str, is_own: bool) -> None:
    """A host has no case, and may name the port that goes without saying."""
    assert origin_allowed(origin, host, ("https://elsewhere.example",)) is is_own


def test_max_connections_is_what_files_and_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting can only lower it."""
    gigabyte = 1024**3
    assert max_connections(Settings.load(), 1256, gigabyte) == 1000
    assert max_connections(Settings.load(), 10**6, gigabyte) == 8192
    monkeypatch.setenv("MAX_CONNECTIONS", "500")
    assert max_connections(Settings.load(), 1256, gigabyte) == 500
    monkeypatch.setenv("MAX_CONNECTIONS", "5000")
    assert max_connections(Settings.load(), 1256, gigabyte) == 1000
