"""What a setting's text may hold: durations, lists, networks, addresses, origins, URLs, servers.

Each function returns the value, or raises `ValueError` with what is expected. A value that can
never match anything is an error too: it looks like protection, or like permission, and is neither.
"""

import re
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import idna

Network = IPv4Network | IPv6Network

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(-?\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?", re.ASCII)
_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(\*\.)?(\[[0-9a-f:.]+\]|[^/?#@:\s\[\]*]+)(:\d*)?"
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
# What programs with pages of their own send: a document without an origin, a file.
_BARE_ORIGINS: Final = ("*", "null", "file://")


def seconds(text: str) -> float:
    """Return seconds for "500ms", "15s", "2m", "1h", "7d" or a plain number of seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a duration such as 500ms, 15s, 2m or 1h")
    return float(match[1]) * _UNITS[match[2] or "s"]


def words(text: str) -> tuple[str, ...]:
    """Split a comma-separated list; empty items do not count."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def networks(text: str) -> tuple[Network, ...]:
    """Return addresses and networks, comma-separated."""
    try:
        found = tuple(ip_network(word) for word in words(text))
    except ValueError as error:
        raise ValueError(f"{error}; expected addresses or networks such as 10.0.0.0/8") from None
    for network in found:
        mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
        if mapped:  # addresses of that kind are looked at as what they stand for
            length = max(network.prefixlen - 96, 0)
            raise ValueError(f"{network} matches nothing; expected {mapped}/{length}")
    return found


def addresses(text: str) -> tuple[str, ...]:
    """Return addresses or names of this machine to listen on, without repeats; `*` is all."""
    found = tuple(dict.fromkeys(words(text)))
    if not found:
        raise ValueError("expected *, or addresses such as 127.0.0.1,::1")
    return tuple(word.removeprefix("[").removesuffix("]") for word in found)


def origins(text: str) -> tuple[str, ...]:
    """Return origins as browsers send them: lower case, ASCII, without the default port."""
    found = tuple(dict.fromkeys(map(origin, words(text))))
    if not found:
        raise ValueError("no page could connect; expected * or origins such as https://app.example")
    return found


def origin(text: str) -> str:
    """Return one origin as browsers send it; a host may begin with `*.`."""
    lower = text.lower()
    if lower in _BARE_ORIGINS:
        return lower
    match = _ORIGIN.fullmatch(lower)
    if match is None:
        raise ValueError(
            f"{text!r} is no origin; expected *, null, file://, https://app.example or "
            "https://*.app.example, without a path"
        )
    scheme, wildcard, host, port = match.groups()
    port = "" if port in (None, ":") else port
    if port and not 0 < int(port[1:]) < 65536:
        raise ValueError(f"{text!r} has no port between 1 and 65535")
    port = "" if port == _DEFAULT_PORTS.get(scheme) else port and f":{int(port[1:])}"
    return f"{scheme}://{wildcard or ''}{_host(host, text)}{port}"


def url(text: str) -> str:
    """Return a URL of http or https that has a host and neither user nor fragment."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("expected a URL such as https://login.example/.well-known/jwks.json")
    if parts.username is not None:
        raise ValueError("expected a URL without a user or a password")
    return text


def servers(text: str) -> tuple[str, ...]:
    """Return servers of NATS, comma-separated, each with a scheme and a host."""
    found = tuple(dict.fromkeys(words(text)))
    for each in found:
        try:
            parts = urlsplit(each)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        is_whole = parts.scheme in ("nats", "tls") and parts.hostname
        if not is_whole or parts.path or parts.query or parts.fragment:
            raise ValueError("expected servers such as nats://127.0.0.1:4222 or tls://TOKEN@host")
    return found


def read_by(read: Callable[[str], object]) -> Callable[[object], object]:
    """Return a validator that reads texts, and leaves defaults as they are."""
    return partial(_read, read)


def _read(read: Callable[[str], object], value: object) -> object:
    return read(value) if isinstance(value, str) else value


def _host(host: str, text: str) -> str:
    try:
        if host.startswith("["):
            return f"[{ip_address(host[1:-1]).compressed}]"
        return ".".join(map(_label, host.split(".")))
    except ValueError:  # idna's errors among them
        raise ValueError(
            f"{text!r} has no host that a browser could name; write what its address bar shows"
        ) from None


def _label(label: str) -> str:
    if not label.isascii():
        return idna.encode(label, uts46=True).decode()
    if not _LABEL.fullmatch(label):
        raise ValueError(label)
    return label
