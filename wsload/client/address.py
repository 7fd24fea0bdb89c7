"""Where a server is: a URL as somebody has typed it, and what of it may be shown."""

import re
from base64 import b64encode
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from wsload.client.failures import BadAddress

_SECRETS = re.compile(r"(?<=//)[^/?#]*@|[?#].*$", re.DOTALL)
_BETWEEN = re.compile(r",\s*(?=wss?://)")  # two URLs; a query may have commas of its own


def shown(urls: str) -> str:
    """URLs without user information, query and fragment: what of them may stand in a report."""
    return ",".join(_SECRETS.sub("", url) for url in _BETWEEN.split(urls))


@dataclass(frozen=True, slots=True)
class Address:
    """A WebSocket URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str = ""  # without a slash at its end
    query: str = ""  # as it was given, without the question mark
    credentials: str = ""  # "user:password"

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read `url`, ws://[user:password@]host[:port][/path][?query] or wss://…"""
        if not url:
            raise BadAddress("no server given: pass --host ws://HOST:PORT")
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise BadAddress(f"bad port or host in {shown(url)}: {error}") from None
        if parts.scheme not in ("ws", "wss"):
            better = {"http": "ws", "https": "wss"}.get(parts.scheme, "ws")
            rest = shown(url).split("://", 1)[-1]
            raise BadAddress(
                f"wrong scheme in {shown(url)}: a WebSocket address begins with ws:// or wss://, "
                f"try {better}://{rest}"
            )
        if not host:
            raise BadAddress(f"no host in {shown(url)}: expected {parts.scheme}://HOST:PORT")
        if parts.fragment:
            raise BadAddress(f"fragment in {shown(url)}#…: a WebSocket address has none (RFC 6455)")
        user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
        return cls(
            parts.scheme,
            host,
            port or (443 if parts.scheme == "wss" else 80),
            parts.path.rstrip("/"),
            parts.query,
            f"{unquote(user)}{colon or ':'}{unquote(password)}" if user else "",
        )

    @classmethod
    def parse_all(cls, urls: str) -> "tuple[Address, ...]":
        """Read one URL or several, separated by commas: servers that differ in host and port only,
        so that a member may go to any of them."""
        found = [(url, cls.parse(url)) for url in _BETWEEN.split(urls)]
        first_url, first = found[0]
        for url, each in found:
            if replace(each, host=first.host, port=first.port) != first:
                raise BadAddress(
                    f"{shown(url)} is not like {shown(first_url)}: several servers need the same "
                    "scheme, path, query and user information"
                )
        return tuple(each for _, each in found)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authorization(self) -> str:
        """The header's value that the URL's user information stands for; empty: none."""
        if not self.credentials:
            return ""
        return f"Basic {b64encode(self.credentials.encode()).decode()}"

    def resource(self, path: str = "", query: str = "") -> str:
        """What a request names: `path` below the URL's own, and both queries."""
        joined = "&".join(part for part in (self.query, query) if part)
        return (self.path + path or "/") + (f"?{joined}" if joined else "")
