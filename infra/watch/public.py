"""The public address of a relay, as clients reach it: through DNS, Caddy and TLS."""

import ipaddress
import socket
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


@dataclass(frozen=True)
class Address:
    """A domain with TLS, or without one the host itself and plain HTTP."""

    domain: str  # "" for none
    host: str

    def url(self, scheme: str, path: str) -> str:
        """With `scheme` http or ws, made secure where there is a domain."""
        if self.domain:
            return f"{scheme}s://{self.domain}{path}"
        return f"{scheme}://{_bracketed(self.host)}{path}"

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=_Resolver(self.domain, self.host), limit=0)
        return aiohttp.ClientSession(connector=connector)


class _Resolver(AbstractResolver):
    """DNS; where that does not know the domain (yet), the host that was deployed to."""

    def __init__(self, domain: str, host: str) -> None:
        self._dns = DefaultResolver()
        self._domain, self._host = domain, host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            return await self._dns.resolve(host, port, family)
        except OSError:
            if host != self._domain:
                raise
            return await self._dns.resolve(self._host, port, family)

    async def close(self) -> None:
        await self._dns.close()


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
